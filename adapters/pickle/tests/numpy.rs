//! Arrays of NumPy, as their bytes lie in a message or beside it.
#![cfg(feature = "numpy")]
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use mpconn_pickle::{
    DType, Decoder, Element, Encoder, Error, NdArray, Order, Protocol, Value, from_slice, to_bytes,
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
