//! Arrays of NumPy, with their bytes where they are.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytemuck::AnyBitPattern;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, IntoDeserializer, SeqAccess, Visitor,
};
use serde::ser::{Serialize, SerializeTupleStruct, Serializer};

use crate::dtype::length_of;
use crate::form::{self, Formed};
use crate::numbers::Numbers;
use crate::{Buffer, ByteArray, Bytes, DType, DTypeKind, Error, Global};

/// An array of NumPy: a [`DType`], a shape, and bytes, which are borrowed from the message.
///
/// It is read from what NumPy 1 and 2 pickle in protocols 2 to 5, also with its bytes
/// [beside the pickle](crate::Decoder::parse_with_buffers). Arrays of objects and of structures are an
/// error. An array with one dimension can also be read as a `Vec`, of which each element is converted.
///
/// With the feature `ndarray`, it converts from and to the arrays of the crate `ndarray`.
///
/// It is written as a call of `numpy.ndarray` with a `bytearray`, which every NumPy reads as an array
/// that can be written to.
///
/// ```
/// use mpconn_pickle::{Encoder, NdArray, Protocol, from_slice};
///
/// let array = NdArray::from_elements(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let pickle = Encoder::new().protocol(Protocol::V5).to_bytes(&array)?;
/// let read: NdArray<'_> = from_slice(&pickle)?;
/// assert_eq!((read.shape(), read.dtype().to_string().as_str()), (&[2, 3][..], "<f8"));
/// let elements: Vec<f64> = read.elements().expect("it is of f64").collect();
/// assert_eq!(elements, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NdArray<'a> {
    dtype: DType,
    shape: Vec<usize>,
    order: Order,
    data: Cow<'a, [u8]>,
}

/// In which order the elements of an array lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// The last index changes fastest, as in C.
    #[default]
    C,
    /// The first index changes fastest, as in Fortran.
    Fortran,
}

/// A Rust type that elements of an array have.
///
/// `bool`, the integers of 8 to 64 bits, `f32`, `f64`, and `[f32; 2]` and `[f64; 2]` for complex
/// numbers. `i64` is also that of `datetime64` and `timedelta64`.
pub trait Element: sealed::Element {}

mod sealed {
    pub trait Element: Copy + 'static {
        /// Its kind, its size, and whether Rust has it as the bytes are.
        const KIND: crate::DTypeKind;
        fn from_bytes(bytes: &[u8], is_big_endian: bool) -> Self;
        fn append(self, to: &mut Vec<u8>);
    }
}

macro_rules! elements {
    ($($type:ty, $kind:ident;)*) => {$(
        impl Element for $type {}

        impl sealed::Element for $type {
            const KIND: DTypeKind = DTypeKind::$kind;

            fn from_bytes(bytes: &[u8], is_big_endian: bool) -> Self {
                let mut all = [0; size_of::<$type>()];
                all.copy_from_slice(bytes);
                if is_big_endian { Self::from_be_bytes(all) } else { Self::from_le_bytes(all) }
            }

            fn append(self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements! {
    i8, Int;
    i16, Int;
    i32, Int;
    i64, Int;
    u8, UInt;
    u16, UInt;
    u32, UInt;
    u64, UInt;
    f32, Float;
    f64, Float;
}

impl Element for bool {}

impl sealed::Element for bool {
    const KIND: DTypeKind = DTypeKind::Bool;

    fn from_bytes(bytes: &[u8], _: bool) -> Self {
        bytes != [0]
    }

    fn append(self, to: &mut Vec<u8>) {
        to.push(self.into());
    }
}

macro_rules! complex {
    ($($part:ty)*) => {$(
        impl Element for [$part; 2] {}

        impl sealed::Element for [$part; 2] {
            const KIND: DTypeKind = DTypeKind::Complex;

            fn from_bytes(bytes: &[u8], is_big_endian: bool) -> Self {
                let (real, imaginary) = bytes.split_at(bytes.len() / 2);
                [real, imaginary].map(|part| sealed::Element::from_bytes(part, is_big_endian))
            }

            fn append(self, to: &mut Vec<u8>) {
                self.into_iter().for_each(|part| sealed::Element::append(part, to));
            }
        }
    )*};
}

complex! { f32 f64 }

impl DType {
    /// Returns the type of these elements, in the order of bytes that most machines have.
    #[must_use]
    pub fn of_element<T: Element>() -> Self {
        Self { kind: T::KIND, size: size_of::<T>(), is_big_endian: false, unit: None }
    }

    /// Returns the kind of the elements.
    #[must_use]
    pub fn kind(&self) -> DTypeKind {
        self.kind
    }

    /// Returns the bytes of one element.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns `true` if the most significant byte of a number comes first.
    #[must_use]
    pub fn is_big_endian(&self) -> bool {
        self.is_big_endian
    }

    /// Returns what a `datetime64` or `timedelta64` counts: `ns`, `25s`.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    fn is_of<T: Element>(&self) -> bool {
        let is_date = matches!(self.kind, DTypeKind::DateTime | DTypeKind::TimeDelta);
        let is_kind = self.kind == T::KIND || is_date && T::KIND == DTypeKind::Int;
        is_kind && self.size == size_of::<T>()
    }
}

/// Reads a type as NumPy's `dtype.str` has it, with the order of bytes.
///
/// # Errors
///
/// [`Error::Unwritable`] for what is not supported: objects, structures, other sizes of numbers.
impl FromStr for DType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text.split_at_checked(1).and_then(|(order, rest)| Self::parse(order, rest));
        parsed.ok_or(Error::Unwritable("a dtype that is not supported"))
    }
}

impl<'a> NdArray<'a> {
    /// Creates an array over bytes.
    ///
    /// ```
    /// use mpconn_pickle::{NdArray, Order};
    ///
    /// let days = [0_i64, 1, 2].map(i64::to_le_bytes).concat();
    /// let array = NdArray::new("<M8[D]".parse()?, &[3], Order::C, days)?; // from 1970-01-01 on
    /// # Ok::<(), mpconn_pickle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if there are not as many bytes as the shape needs.
    pub fn new(
        dtype: DType,
        shape: &[usize],
        order: Order,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, Error> {
        let data = data.into();
        if length_of(dtype.size, shape.iter().copied()) != Some(data.len()) {
            return Err(Error::Unwritable(
                "an array whose shape is of another length than its data",
            ));
        }
        Ok(Self { dtype, shape: shape.to_vec(), order, data })
    }

    /// Creates an array of elements, in the order of C.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if there are not as many elements as the shape needs.
    pub fn from_elements<T: Element>(shape: &[usize], elements: &[T]) -> Result<Self, Error> {
        let mut data = Vec::with_capacity(size_of_val(elements));
        elements.iter().for_each(|&element| element.append(&mut data));
        Self::new(DType::of_element::<T>(), shape, Order::C, data)
    }

    /// As many elements as the shape needs.
    #[cfg(feature = "ndarray")]
    pub(crate) fn of_elements<T: Element>(
        dtype: DType,
        shape: &[usize],
        elements: impl ExactSizeIterator<Item = T>,
    ) -> Self {
        let mut data = Vec::with_capacity(elements.len() * dtype.size);
        elements.for_each(|element| element.append(&mut data));
        Self { dtype, shape: shape.to_vec(), order: Order::C, data: data.into() }
    }

    /// Returns what the elements are.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Returns the length of each dimension. There is none for an array of one element without
    /// dimensions.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns in which order the elements lie.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Returns the bytes of all elements.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// Returns the elements as they lie in the message, without a copy. `None` if they are of another
    /// type, not aligned as Rust needs them, or not in the machine's order of bytes: take
    /// [`elements`](Self::elements) then.
    #[must_use]
    pub fn as_slice<T: Element + AnyBitPattern>(&self) -> Option<&[T]> {
        let is_native =
            self.dtype.size == 1 || self.dtype.is_big_endian == cfg!(target_endian = "big");
        if !is_native || !self.dtype.is_of::<T>() {
            return None;
        }
        bytemuck::try_cast_slice(&self.data).ok()
    }

    /// Returns each element, in the order in which they lie. `None` if they are of another type:
    /// [`values`](Self::values) converts them.
    pub fn elements<T: Element>(&self) -> Option<impl ExactSizeIterator<Item = T>> {
        if !self.dtype.is_of::<T>() {
            return None;
        }
        let element = |bytes| T::from_bytes(bytes, self.dtype.is_big_endian);
        Some(self.data.chunks_exact(size_of::<T>()).map(element))
    }

    /// Returns each element as serde reads it, in the order in which they lie: a `float16` as a number,
    /// `S` as [`Bytes`], `U` as text, a complex number as a pair, a date as its count and its unit.
    ///
    /// ```
    /// use mpconn_pickle::{NdArray, Order};
    ///
    /// // numpy.array(['a', 'bc'])
    /// let data: Vec<_> = ['a', '\0', 'b', 'c'].iter().flat_map(|&c| u32::from(c).to_le_bytes()).collect();
    /// let array = NdArray::new("<U2".parse()?, &[2], Order::C, data)?;
    /// let texts: Result<Vec<String>, _> = array.values().collect();
    /// assert_eq!(texts?, ["a", "bc"]);
    /// # Ok::<(), mpconn_pickle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Each is an [`Error::Mismatch`] if the element is no such value.
    pub fn values<T: DeserializeOwned>(&self) -> impl ExactSizeIterator<Item = Result<T, Error>> {
        let numbers = Numbers::new(&self.data, self.dtype.clone());
        let count = self.data.len() / self.dtype.size;
        (0..count).map(move |position| T::deserialize(numbers.at(position).into_deserializer()))
    }

    /// Returns the same array with bytes of its own.
    #[must_use]
    pub fn into_owned(self) -> NdArray<'static> {
        NdArray { data: Cow::Owned(self.data.into_owned()), ..self }
    }

    /// Returns the array as it is pickled without its bytes, in protocol 5. The peer is given
    /// [`as_bytes`](Self::as_bytes) [beside the pickle](crate#large-buffers), in the order of the arrays
    /// in it.
    #[must_use]
    pub fn out_of_band(&self) -> OutOfBand<'_> {
        OutOfBand(self)
    }

    fn serialize_with<S: Serializer>(
        &self,
        data: impl Serialize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let order = match self.order {
            Order::C => "C",
            Order::Fortran => "F",
        };
        let dtype = self.dtype.to_string();
        let args = (Formed(form::TUPLE, &self.shape), dtype, data, 0, (), order);
        let mut fields = serializer.serialize_tuple_struct(form::OBJECT, 2)?;
        fields.serialize_field(&Global::new("numpy", "ndarray"))?;
        fields.serialize_field(&Formed(form::CALL, args))?;
        fields.end()
    }
}

/// See [`NdArray::out_of_band`].
#[derive(Debug, Clone, Copy)]
pub struct OutOfBand<'n>(&'n NdArray<'n>);

impl Serialize for OutOfBand<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_with(Buffer, serializer)
    }
}

impl Serialize for NdArray<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(ByteArray(&self.data[..]), serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for NdArray<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(form::ND_ARRAY, ArrayVisitor)
    }
}

struct ArrayVisitor;

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = NdArray<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers of NumPy")
    }

    /// The parts, as this crate's deserializer gives them.
    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<NdArray<'de>, A::Error> {
        fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
            let missing = || serde::de::Error::custom("fewer parts than an array has");
            parts.next_element()?.ok_or_else(missing)
        }
        let dtype: String = next(&mut parts)?;
        let dtype = dtype.parse().map_err(serde::de::Error::custom)?;
        let shape: Vec<usize> = next(&mut parts)?;
        let order = if next(&mut parts)? { Order::Fortran } else { Order::C };
        let Bytes::<Cow<'de, [u8]>>(data) = next(&mut parts)?;
        NdArray::new(dtype, &shape, order, data).map_err(serde::de::Error::custom)
    }
}
