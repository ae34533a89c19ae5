//! Arrays of the NumPys of [`LIBRARIES`](super::contents::LIBRARIES), read here, written here, and read
//! there.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use mpconn_blocking::{AuthKey, Listener};
use mpconn_pickle::{Decoder, Encoder, NdArray, Order, OutOfBand, Protocol};
use mpconn_tests::python::{Script, bytes, hex};
use mpconn_tests::pythons::{self, Python};

use serde::{Deserialize, Serialize};

use super::contents::environments;

#[derive(Serialize)]
struct Sent<'a> {
    name: &'a str,
    array: OutOfBand<'a>,
}

#[derive(Deserialize)]
struct Received<'a> {
    name: &'a str,
    array: NdArray<'a>,
}

/// As `arrays.py` tells of an array.
fn described(array: &NdArray<'_>) -> String {
    let shape: Vec<_> = array.shape().iter().map(ToString::to_string).collect();
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let order = match array.order() {
        Order::C => "C",
        Order::Fortran => "F",
    };
    format!(
        "{} {} {order} {}",
        array.dtype(),
        or_none(shape.join(",")),
        or_none(hex(array.as_bytes()))
    )
}

/// A word for bytes: `-` if there are none.
fn some(word: &str) -> Vec<u8> {
    if word == "-" { Vec::new() } else { bytes(word) }
}

#[test]
fn arrays_of_every_numpy() {
    for directory in environments() {
        let python = Python { version: [3, 0, 0], executable: directory.join("bin/python") };
        let mut script = Script::start(&python, "arrays.py");
        let mut sent = Vec::new();
        loop {
            let line = script.line();
            if line == "end" {
                break;
            }
            sent.push(line);
        }
        let mut written = 0;
        for line in &sent {
            let mut words = line.splitn(4, ' ');
            let (_, _protocol, pickle) = (words.next(), words.next(), some(words.next().unwrap()));
            let told: Vec<_> = words.next().unwrap().split(' ').collect();
            let (expected, buffers) = told.split_at(4);
            let buffers: Vec<_> = buffers.iter().map(|buffer| some(buffer)).collect();
            let buffers = buffers.iter().map(|buffer| &buffer[..]);
            let pickle = Decoder::new().parse_with_buffers(&pickle, buffers).unwrap();
            let array: NdArray<'_> = pickle.to().unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(described(&array), expected.join(" "));
            for protocol in [Protocol::V2, Protocol::V4, Protocol::V5] {
                script.order("loads", &Encoder::new().protocol(protocol).to_bytes(&array).unwrap());
                assert_eq!(script.line(), format!("{} True", described(&array)), "{protocol:?}");
                written += 1;
            }
            if !array.as_bytes().is_empty() {
                script.order("buffer", array.as_bytes());
                let beside = Encoder::new().protocol(Protocol::V5).to_bytes(&array.out_of_band());
                script.order("loads", &beside.unwrap());
                assert_eq!(script.line(), format!("{} True", described(&array)));
                written += 1;
            }
        }
        script.go();
        let read = sent.len();
        assert!(read > 100);
        pythons::announce(&format!(
            "{}: {read} arrays read, {written} written",
            directory.display()
        ));
    }
}

/// The convention for large buffers: a message each, after that of the pickle, both ways.
#[test]
fn buffers_as_messages_of_their_own() {
    const KEY: &[u8] = b"a key of more than sixteen bytes";
    for directory in environments() {
        let python = Python { version: [3, 0, 0], executable: directory.join("bin/python") };
        let mut listener = Listener::bind(("127.0.0.1", 0), AuthKey::new(KEY)).unwrap();
        let mut script = Script::start(&python, "buffers.py");
        script.order_address(listener.address());
        script.order("key", KEY);
        script.go();
        let mut connection = listener.accept().unwrap();
        let (encoder, decoder) = (Encoder::new().protocol(Protocol::V5), Decoder::new());
        for shape in [[3, 5], [1000, 1000]] {
            let elements: Vec<_> = (0..shape[0] * shape[1]).map(|number| number as f64).collect();
            let array = NdArray::from_elements(&shape, &elements).unwrap();
            let sent = Sent { name: "frame", array: array.out_of_band() };
            let pickle = encoder.to_bytes(&sent).unwrap();
            assert!(pickle.len() < 200, "the bytes of the array are beside the pickle");
            connection.send_bytes(&pickle).unwrap();
            connection.send_bytes(array.as_bytes()).unwrap();

            let pickle = connection.recv_bytes().unwrap();
            assert!(pickle.len() < 300, "the bytes of the array are beside the pickle");
            let count = decoder.count_buffers(&pickle).unwrap();
            let buffers: Vec<_> = (0..count).map(|_| connection.recv_bytes().unwrap()).collect();
            assert_eq!(script.line(), buffers.len().to_string());
            let buffers = buffers.iter().map(Vec::as_slice);
            let pickle = decoder.parse_with_buffers(&pickle, buffers).unwrap();
            let received: Received<'_> = pickle.to().unwrap();
            assert_eq!((received.name, received.array.shape()), ("frame", &shape[..]));
            let doubled: Vec<f64> = received.array.elements().unwrap().collect();
            assert!(doubled.iter().zip(elements).all(|(doubled, number)| *doubled == 2.0 * number));
        }
        connection.send_bytes(&encoder.to_bytes(&()).unwrap()).unwrap();
        connection.recv_bytes().unwrap_err();
    }
}
