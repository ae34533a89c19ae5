//! What errors say: where and what, and nothing that a peer sent.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::io;

use mpconn_pickle::{Bytes, Decoder, Error, Global, Integer, Object, from_slice, to_bytes};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[test]
fn errors_say_where_and_what() {
    let message = |pickle: &[u8]| from_slice::<u8>(pickle).unwrap_err().to_string();
    assert_eq!(message(b"K"), "the pickle is cut off at byte 1");
    assert_eq!(
        message(b"Na."),
        "malformed pickle at byte 1: fewer values on the stack than the opcode takes"
    );
    assert_eq!(message(b"NP"), "the opcode 0x50 at byte 1 of the pickle is not supported");
    assert_eq!(message(b"N."), "None, where u8 is expected, at byte 0 of the pickle");
    let decoder = Decoder::new().max_nodes(0);
    let error = decoder.from_slice::<u8>(b"N.").unwrap_err();
    assert_eq!(
        error.to_string(),
        "over the limit at byte 0 of the pickle: too many values (Decoder::max_nodes)"
    );
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
    let error = to_bytes(&Global::new("m", "n\n")).unwrap_err();
    assert_eq!(error.to_string(), "the name of a class with a newline in it");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    let strict = Decoder::new().strict(true).from_slice::<String>(b"cm\nn\n.");
    assert_eq!(
        strict.unwrap_err().to_string(),
        "the class or function `m.n`, which is not known, at byte 0 of the pickle"
    );
    let kinds = [
        (to_bytes(&true), "a bool"),
        (to_bytes(&-1), "an int that is not u8"),
        (to_bytes(&1.5), "a float"),
        (to_bytes("text"), "a str"),
        (to_bytes(&Bytes(b"")), "bytes"),
        (to_bytes(&[0; 0]), "a tuple"),
        (to_bytes(&vec![0; 0]), "a list"),
        (to_bytes(&BTreeMap::<u8, u8>::new()), "a dict"),
        (to_bytes(&Integer::from_le_bytes(&[1; 17])), "an int"),
        (to_bytes(&Global::new("m", "C")), "the class or function `m.C`"),
        (to_bytes(&Object::new("m", "C", vec![])), "a `m.C`"),
        (to_bytes(&Object::new("a", "C\u{1b}", vec![])), "an `a.C\\u{1b}`"),
    ];
    for (pickle, kind) in kinds {
        let message = message(&pickle.unwrap());
        assert!(message.starts_with(kind), "{message}");
    }
}

#[test]
fn the_offset_of_what_a_type_does_not_take() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Choice {
        Of { numbers: Vec<u8> },
    }
    #[track_caller]
    fn refused<T: DeserializeOwned + Debug>(pickle: &[u8], place: usize) {
        let error = from_slice::<Vec<T>>(pickle).unwrap_err();
        let Error::Mismatch(mismatch) = &error else { panic!("{error:?}") };
        assert_eq!(mismatch.offset(), Some(place), "{error}");
        assert!(error.to_string().ends_with(&format!(", at byte {place} of the pickle")));
    }
    // A tuple is made by its last opcode.
    refused::<u8>(b"K\x07.", 0);
    refused::<u8>(b"](K\x07Ne.", 4);
    refused::<u8>(b"](K\x07]e.", 4);
    refused::<Vec<u8>>(b"](](K\x07Ne](K\x07Nee.", 6);
    refused::<(u8, u8)>(b"](K\x01K\x02\x86K\x01\x85e.", 9);
    refused::<(u8, u8)>(b"](K\x01K\x02\x86K\x01K\x02K\x03\x87e.", 13);
    refused::<HashMap<u8, u8>>(b"](}}K\x01Nse.", 6);
    refused::<HashMap<String, Vec<u8>>>(b"](cm\nn\n)R}U\x01x]U\x01yasbe.", 14);
    refused::<Choice>(b"](K\x01e.", 2);
    refused::<Choice>(b"](}e.", 2);
    refused::<Choice>(b"](}U\x02No}se.", 3);
    refused::<Choice>(b"](}U\x02Of}se.", 7);
    refused::<Choice>(b"](}U\x02Of}U\x07numbersK\x01sse.", 17);
    refused::<Choice>(b"](}U\x02Of}U\x07numbers](K\x01Nesse.", 21);
}

#[test]
fn what_is_no_pickle() {
    for (message, like) in [
        (&b"{\"job\": 7}"[..], "JSON"),
        (b"[1, 2]", "JSON"),
        (b"hello", "text"),
        (b"\"quoted\"", "JSON"),
        ("Äpfel".as_bytes(), "text"),
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        (b"#CHALLENGE#{sha256}0123456789", "a challenge: the peer asks for a key"),
    ] {
        assert_eq!(from_slice::<Bytes>(message), Err(Error::NotPickle { like }), "{message:?}");
    }
    let error = from_slice::<u8>(b"{}").unwrap_err().to_string();
    assert_eq!(error, "the message is no pickle; it looks like JSON");
    for pickle in [&b"NP."[..], b"\xff\xfe\xff", b"\x80\x02P"] {
        let error = from_slice::<u8>(pickle).unwrap_err();
        assert!(matches!(error, Error::Opcode { .. }), "{error:?}");
    }
    assert!(matches!(from_slice::<u8>(b"I5"), Err(Error::Truncated { .. })));
}

#[test]
fn errors_quote_nothing() {
    const SECRET: &str = "the peer's secret";
    let text = to_bytes(SECRET).unwrap();
    let bytes = to_bytes(&Bytes(SECRET.as_bytes())).unwrap();
    let key = to_bytes(&HashMap::from([(SECRET, 1)])).unwrap();
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Strict {
        known: u8,
    }
    #[derive(Debug, Deserialize)]
    enum Choice {
        #[expect(dead_code, reason = "only its errors are of interest")]
        Known(u8),
    }
    let messages = [
        from_slice::<u8>(&text).unwrap_err().to_string(),
        from_slice::<u8>(&bytes).unwrap_err().to_string(),
        from_slice::<char>(&text).unwrap_err().to_string(),
        from_slice::<Strict>(&key).unwrap_err().to_string(),
        from_slice::<Choice>(&text).unwrap_err().to_string(),
        from_slice::<Choice>(&key).unwrap_err().to_string(),
    ];
    for message in messages {
        assert!(!message.contains("secret"), "{message}");
        println!("{message}");
    }
}

/// The offset is that of the value itself, whatever it is, and wherever.
#[test]
fn offsets_of_scalars() {
    #[track_caller]
    fn at<T: DeserializeOwned + Debug>(pickle: &[u8], offset: usize) {
        match from_slice::<T>(pickle) {
            Err(Error::Mismatch(mismatch)) => assert_eq!(mismatch.offset(), Some(offset)),
            other => panic!("{other:?}"),
        }
    }
    at::<String>(b"K\x01.", 0);
    at::<String>(b"\x80\x02K\x01.", 2);
    at::<Vec<u8>>(b"\x80\x02](K\x01NK\x02e.", 6);
    at::<Vec<u8>>(b"]K\x01a\x88a.", 4);
    at::<(u8, u8)>(b"K\x01\x8c\x01x\x86.", 2);
    at::<(u8, u8)>(b"(K\x01C\x01xt.", 3);
    at::<(u8, u8)>(b"\x8c\x01xK\x01\x86.", 0);
    // From the memo: the opcode that takes it from there.
    at::<(u8, String)>(b"K\x01\x940h\0h\0\x86.", 6);
    at::<BTreeMap<String, u8>>(b"}(U\x01aK\x01U\x01bG\x3f\xf0\0\0\0\0\0\0u.", 10);
    at::<BTreeMap<u8, u8>>(b"}K\x01K\x02sU\x01bK\x02s.", 6);
    at::<Result<u8, String>>(b"}U\x03ErrK\x02s.", 6);
    // In items that were appended later, behind those of another list.
    at::<Vec<Vec<u8>>>(b"](]\x94(K\x01e](K\x02eh\0Nae.", 15);
}
