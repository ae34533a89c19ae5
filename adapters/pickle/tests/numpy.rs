//! Arrays of NumPy, as their bytes lie in a message or beside it.
#![cfg(feature = "numpy")]
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use mpconn_pickle::{
    Bytes, DType, Decoder, Element, Encoder, Error, NdArray, Order, Protocol, Value, from_slice,
    to_bytes,
};

const PROTOCOLS: [Protocol; 3] = [Protocol::V2, Protocol::V4, Protocol::V5];

/// `numpy.array(..)` by NumPy 1, in protocol 4: a shape, a dtype with its state, an order, and bytes.
fn reconstructed(shape: &[u8], dtype: &str, order: &str, fortran: u8, data: &[u8]) -> Vec<u8> {
    let text =
        |text: &str| [b"\x8c", &[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let length = u8::try_from(data.len()).unwrap();
    [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01",
        shape,
        b"cnumpy\ndtype\n",
        &text(dtype),
        b"\x89\x88\x87R(K\x03",
        &text(order),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb",
        &[fortran],
        b"C",
        &[length],
        data,
        b"tb.",
    ]
    .concat()
}

#[track_caller]
fn is_refused(pickle: &[u8]) {
    let error = from_slice::<NdArray<'_>>(pickle).unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)), "{error:?}");
    assert!(from_slice::<Value>(pickle).is_ok());
    assert!(from_slice::<Vec<f64>>(pickle).is_err());
}

#[test]
fn every_element_there_and_back() {
    #[track_caller]
    fn check<T: Element + PartialEq + std::fmt::Debug>(elements: [T; 6], dtype: &str) {
        for shape in [&[6][..], &[2, 3], &[1, 1, 6]] {
            let array = NdArray::from_elements(shape, &elements).unwrap();
            assert_eq!(array.dtype().to_string(), dtype);
            for protocol in PROTOCOLS {
                let pickle = Encoder::new().protocol(protocol).to_bytes(&array).unwrap();
                let read: NdArray<'_> = from_slice(&pickle).unwrap();
                assert_eq!(read, array);
                assert!(read.elements::<T>().unwrap().eq(elements.iter().copied()));
            }
            // Beside the pickle, of which only protocol 5 knows.
            let pickle =
                Encoder::new().protocol(Protocol::V5).to_bytes(&array.out_of_band()).unwrap();
            let pickle = Decoder::new().parse_with_buffers(&pickle, [array.as_bytes()]).unwrap();
            assert_eq!(pickle.to::<NdArray<'_>>().as_ref(), Ok(&array));
            assert!(matches!(to_bytes(&array.out_of_band()), Err(Error::Unwritable(_))));
        }
    }
    check([1_i8, -2, 3, 4, 5, 6], "|i1");
    check([1_i16, -2, 3, 4, 5, 6], "<i2");
    check([1_i32, -2, 3, 4, 5, 6], "<i4");
    check([1_i64, -2, 3, 4, 5, i64::MIN], "<i8");
    check([1_u8, 2, 3, 4, 5, 6], "|u1");
    check([1_u16, 2, 3, 4, 5, 6], "<u2");
    check([1_u32, 2, 3, 4, 5, 6], "<u4");
    check([1_u64, 2, 3, 4, 5, u64::MAX], "<u8");
    check([1.5_f32, -0.0, 3.0, 4.0, 5.0, f32::INFINITY], "<f4");
    check([1.5_f64, -0.0, 3.0, 4.0, 5.0, f64::INFINITY], "<f8");
    check([true, false, true, true, false, false], "|b1");
    check([[1.0_f32, 2.0]; 6], "<c8");
    check([[1.0_f64, 2.0]; 6], "<c16");
}

#[test]
fn both_orders_of_bytes_and_of_elements() {
    let pickle = reconstructed(b"K\x01K\x02\x86", "i2", ">", 0x88, &[1, 0, 0, 2]);
    let array: NdArray<'_> = from_slice(&pickle).unwrap();
    assert_eq!((array.shape(), array.order()), (&[1, 2][..], Order::Fortran));
    assert!(array.dtype().is_big_endian());
    assert_eq!(array.as_slice::<i16>(), None);
    assert!(array.elements::<i16>().unwrap().eq([256, 2]));
    assert!(array.elements::<u16>().is_none() && array.elements::<i32>().is_none());
    // It is written as it is.
    assert_eq!(from_slice(&to_bytes(&array).unwrap()), Ok(array));
}

#[test]
fn what_is_aligned_is_a_slice() {
    let numbers = [1_u32, 2, 3];
    let bytes: &[u8] = bytemuck::cast_slice(&numbers);
    let array = NdArray::new(DType::of_element::<u32>(), &[3], Order::C, bytes).unwrap();
    assert_eq!(array.as_slice::<u32>(), Some(&numbers[..]));
    assert_eq!(array.as_slice::<f32>(), None);
    let shifted = [&[0], bytes].concat();
    let moved = NdArray::new(DType::of_element::<u32>(), &[3], Order::C, &shifted[1..]).unwrap();
    assert!(moved.elements::<u32>().unwrap().eq(numbers));
}

#[test]
fn none_and_no_dimension() {
    let pickle = reconstructed(b")", "f8", "<", 0x89, &1.5_f64.to_le_bytes());
    let array: NdArray<'_> = from_slice(&pickle).unwrap();
    assert_eq!(array.shape(), &[] as &[usize]);
    assert!(array.elements::<f64>().unwrap().eq([1.5]));
    let pickle = reconstructed(b"K\x05K\0\x86", "f8", "<", 0x89, b"");
    let array: NdArray<'_> = from_slice(&pickle).unwrap();
    assert_eq!((array.shape(), array.as_bytes()), (&[5, 0][..], &b""[..]));
}

#[test]
fn malformed_arrays() {
    let data = [0; 16];
    for dtype in
        ["f3", "f", "", "O8", "V8", "i0", "i-1", "f99999999999999999999", "U0", "Uff", "x8", "b2"]
    {
        is_refused(&reconstructed(b"K\x02\x85", dtype, "<", 0x89, &data));
    }
    for order in ["=", "", "|", "<>"] {
        is_refused(&reconstructed(b"K\x02\x85", "f8", order, 0x89, &data));
    }
    for shape in [
        &b"K\x03\x85"[..],
        b"J\xff\xff\xff\xff\x85",
        b"N\x85",
        b"K\x01K\x01\x86",
        // 2^62 * 2^62 elements, of which none is there.
        b"\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40\x86",
        b"\x8a\x09\0\0\0\0\0\0\0\0\x01\x85",
    ] {
        is_refused(&reconstructed(shape, "f8", "<", 0x89, &data));
    }
    is_refused(b"cnumpy\nndarray\n(K\x01\x85\x8c\x03<f8C\x04\0\0\0\0K\0N\x8c\x01CtR.");
    assert!(from_slice::<NdArray<'_>>(b"K\x01.").is_err());
    assert!(NdArray::new(DType::of_element::<u8>(), &[usize::MAX, 2], Order::C, &b""[..]).is_err());
    assert!(NdArray::from_elements(&[2], &[1_u8]).is_err());
}

/// As NumPy, whatever the order of the dimensions.
#[test]
fn shapes_that_are_too_large_without_their_zeros() {
    const LARGE: usize = 1 << 40;
    for shape in [[0, LARGE, LARGE], [LARGE, LARGE, 0], [LARGE, 0, LARGE]] {
        NdArray::new("|i1".parse().unwrap(), &shape, Order::C, vec![]).unwrap_err();
    }
    NdArray::new("|i1".parse().unwrap(), &[0, LARGE], Order::C, vec![]).unwrap();
}

#[test]
fn values_of_every_kind() {
    #[track_caller]
    fn values<T: serde::de::DeserializeOwned>(dtype: &str, data: &[u8]) -> Vec<T> {
        let dtype: DType = dtype.parse().unwrap();
        let count = data.len() / dtype.size();
        let array = NdArray::new(dtype, &[1, count], Order::C, data).unwrap();
        array.values().collect::<Result<_, _>>().unwrap()
    }
    assert_eq!(values::<f32>("<f2", b"\0\x3c\0\xc0"), [1.0, -2.0]);
    assert_eq!(values::<f64>(">f2", b"\x3c\0\xc0\0"), [1.0, -2.0]);
    assert_eq!(values::<bool>("|b1", b"\0\x01"), [false, true]);
    assert_eq!(values::<u8>(">i2", b"\0\x07\0\x08"), [7, 8]);
    assert_eq!(
        values::<Bytes>("|S2", b"ab\0\0c\0"),
        [&b"ab"[..], b"", b"c"].map(|b| Bytes(b.to_vec()))
    );
    assert_eq!(values::<String>(">U1", b"\0\0\0a\0\x01\xf6\x00"), ["a", "\u{1f600}"]);
    assert_eq!(values::<(f32, f32)>("<c8", &[0; 16]), [(0.0, 0.0); 2]);
    assert_eq!(values::<(i64, String)>("<M8[D]", b"\x05\0\0\0\0\0\0\0"), [(5, "D".to_owned())]);
    let numbers = NdArray::from_elements(&[2], &[1_i64, -1]).unwrap();
    let read: Vec<Result<u8, Error>> = numbers.values().collect();
    assert_eq!(read[0], Ok(1));
    assert!(matches!(read[1], Err(Error::Mismatch(_))));
}

#[test]
fn dtypes_as_text() {
    for text in ["|b1", "|i1", "<i8", ">u2", "<f2", ">c16", "|S7", "<U3", "<M8[ns]", ">m8[25s]"] {
        assert_eq!(text.parse::<DType>().unwrap().to_string(), text);
    }
    assert_eq!(">i1".parse(), "|i1".parse::<DType>());
    format!("<f{}8", "0".repeat(40)).parse::<DType>().unwrap_err();
    format!("<M8[{}]", "m".repeat(40)).parse::<DType>().unwrap_err();
    for text in [
        "",
        "f8",
        "<",
        "<f16",
        "|O8",
        "|V4",
        "<i3",
        "|i4",
        "é8",
        "<f8[ns]",
        "<i+8",
        "<U99999999999999999999",
    ] {
        text.parse::<DType>().unwrap_err();
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays_of_the_crate_ndarray() {
    use ndarray::{Array, ArrayD, Ix0, array};

    let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let sent = NdArray::from(&matrix);
    assert_eq!((sent.shape(), sent.order()), (&[2, 3][..], Order::C));
    assert_eq!(sent.to_array(), Some(matrix.clone().into_dyn()));
    assert_eq!(sent.view(), Some(matrix.view().into_dyn()));
    assert_eq!(sent.to_array::<f32>(), None::<ArrayD<f32>>);
    // Whatever order it has in memory.
    let transposed = NdArray::from(&matrix.t());
    assert_eq!(transposed.to_array(), Some(matrix.t().to_owned().into_dyn()));
    // In the order of Fortran and of the other bytes.
    let bytes: Vec<u8> = (1_u8..=6).flat_map(|number| [0, number]).collect();
    let dtype = ">i2".parse().unwrap();
    let foreign = NdArray::new(dtype, &[2, 3], Order::Fortran, bytes).unwrap();
    assert_eq!(foreign.view::<i16>(), None);
    assert_eq!(foreign.to_array(), Some(array![[1_i16, 3, 5], [2, 4, 6]].into_dyn()));
    let single: Array<bool, Ix0> = Array::from_elem((), true);
    assert_eq!(NdArray::from(&single).to_array(), Some(single.into_dyn()));
    let none: ArrayD<u8> = Array::zeros(vec![2, 0, 3]);
    assert_eq!(NdArray::from(&none).view(), Some(none.view()));
}
