//! Each opcode by itself, and what a program of a few of them makes.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::BTreeMap;

use mpconn_pickle::{
    ByteArray, Bytes, Decoder, Encoder, Error, FrozenSet, Global, Integer, Kind, Limit, Object,
    Protocol, Set, Value, from_slice,
};
use serde::de::IntoDeserializer;
use serde::de::value::{BytesDeserializer, Error as OtherError, MapDeserializer, SeqDeserializer};
use serde::{Deserialize, Serialize};

fn list<const N: usize>(items: [i64; N]) -> Vec<Value> {
    items.map(Value::Int).into()
}

#[test]
fn every_opcode() {
    let old = || Value::from(Object::new("m", "n", vec![1.into()]));
    let global = || Value::from(Global::new("m", "n"));
    for (pickle, value) in [
        (&b"N."[..], Value::None),
        (b"\x88.", true.into()),
        (b"\x89.", false.into()),
        (b"I01\n.", true.into()),
        (b"I00\n.", false.into()),
        (b"I-7\n.", (-7).into()),
        (b"L7L\n.", 7.into()),
        (b"L7\n.", 7.into()),
        (b"L4294967296L\n.", (1_i64 << 32).into()),
        (b"K\xff.", 255.into()),
        (b"M\x01\x02.", 0x201.into()),
        (b"J\x01\x02\x03\x84.", i64::from(i32::from_le_bytes([1, 2, 3, 0x84])).into()),
        (b"\x8a\x00.", 0.into()),
        (b"\x8a\x02\x00\x80.", (-32768).into()),
        (b"\x8b\x01\0\0\0\x07.", 7.into()),
        (b"F-1.5\n.", (-1.5).into()),
        (b"G?\xf8\0\0\0\0\0\0.", 1.5.into()),
        (b"S'a\\x62'\n.", "ab".into()),
        (b"U\x01a.", "a".into()),
        (b"T\x01\0\0\0a.", "a".into()),
        (b"Va\\u20ac\n.", "a€".into()),
        (b"X\x01\0\0\0a.", "a".into()),
        (b"\x8c\x01a.", "a".into()),
        (b"\x8d\x01\0\0\0\0\0\0\0a.", "a".into()),
        (b"B\x01\0\0\0a.", Value::Bytes(vec![b'a'])),
        (b"C\x01a.", Value::Bytes(vec![b'a'])),
        (b"\x8e\x01\0\0\0\0\0\0\0a.", Value::Bytes(vec![b'a'])),
        (b"\x96\x01\0\0\0\0\0\0\0a.", Value::ByteArray(vec![b'a'])),
        (b").", Value::Tuple(list([]))),
        (b"K\x01\x85.", Value::Tuple(list([1]))),
        (b"K\x01K\x02\x86.", Value::Tuple(list([1, 2]))),
        (b"K\x01K\x02K\x03\x87.", Value::Tuple(list([1, 2, 3]))),
        (b"(K\x01K\x02t.", Value::Tuple(list([1, 2]))),
        (b"].", Value::List(list([]))),
        (b"(K\x01K\x02l.", Value::List(list([1, 2]))),
        (b"]K\x01a.", Value::List(list([1]))),
        (b"](K\x01K\x02e.", Value::List(list([1, 2]))),
        (b"}.", Value::Dict(vec![])),
        (b"(K\x01K\x02d.", Value::Dict(vec![(1.into(), 2.into())])),
        (b"}K\x01K\x02s.", Value::Dict(vec![(1.into(), 2.into())])),
        (b"}(K\x01K\x02u.", Value::Dict(vec![(1.into(), 2.into())])),
        (b"\x8f.", Value::Set(list([]))),
        (b"\x8f(K\x01K\x02\x90.", Value::Set(list([1, 2]))),
        (b"(K\x01K\x02\x91.", Value::FrozenSet(list([1, 2]))),
        (b"K\x01K\x020.", 1.into()),
        (b"K\x01(0.", 1.into()),
        (b"K\x01(K\x02K\x031.", 1.into()),
        (b"K\x012\x86.", Value::Tuple(list([1, 1]))),
        (b"K\x07p0\n0g0\n.", 7.into()),
        (b"K\x07q\x000h\x00.", 7.into()),
        (b"K\x07r\0\0\0\x000j\0\0\0\0.", 7.into()),
        (b"K\x07\x940h\0.", 7.into()),
        // An entry that is ahead, and one that is put anew.
        (b"K\x07q\x010h\x01.", 7.into()),
        (b"K\x07q\0K\x08q\0h\0.", 8.into()),
        (b"cm\nn\n.", global()),
        (b"\x8c\x01m\x8c\x01n\x93.", global()),
        (b"cm\nn\nK\x01\x85R.", old()),
        (b"(K\x01im\nn\n.", old()),
        (b"(cm\nn\nK\x01o.", old()),
        (b"c__builtin__\nlong\n.", Global::new("builtins", "int").into()),
        (b"c__builtin__\nunicode\n.", Global::new("builtins", "str").into()),
        (b"c__builtin__\nxrange\n.", Global::new("builtins", "range").into()),
        (b"cexceptions\nOSError\n.", Global::new("builtins", "OSError").into()),
        (b"ccopy_reg\nlong\n.", Global::new("copyreg", "long").into()),
        (b"\x80\x05\x95\x02\0\0\0\0\0\0\0N.", Value::None),
        (b"N.behind the end", Value::None),
    ] {
        assert_eq!(from_slice(pickle), Ok(value), "{pickle:?}");
    }
    let last = [b"K\x07q\0", &b"q\x01".repeat(100)[..], b"h\0h\x01\x86."].concat();
    assert_eq!(from_slice(&last), Ok((7, 7)));
}

#[test]
fn buffers_beside_the_pickle() {
    let decoder = Decoder::new();
    let both = b"(\x97\x97\x98t.";
    let pickle = decoder.parse_with_buffers(both, [&b"a"[..], b"b"]).unwrap();
    let kinds: Vec<_> = pickle.root().items().map(|item| item.kind()).collect();
    assert_eq!(kinds, [Kind::ByteArray(b"a"), Kind::Bytes(b"b")]);
    for (pickle, buffers, offset) in [
        (&both[..], &[&b"a"[..]][..], 2),
        (b"\x97.", &[], 0),
        (b"N\x98.", &[], 1),
        (b"\x98.", &[], 0),
    ] {
        let error = decoder.parse_with_buffers(pickle, buffers.iter().copied()).unwrap_err();
        assert!(matches!(error, Error::Malformed { offset: at, .. } if at == offset), "{error:?}");
    }
}

#[test]
fn a_pickle_may_be_followed_by_another() {
    let two = b"K\x01.K\x02.";
    let first = Decoder::new().parse(two).unwrap();
    assert_eq!((first.to(), first.bytes_read()), (Ok(1), 3));
    assert_eq!(from_slice(&two[first.bytes_read()..]), Ok(2));
}

#[test]
fn a_class_may_be_an_object() {
    // m.n()(), by every opcode that calls
    let class = Object::new("m", "n", Vec::new());
    let called = Object { class: class.clone().into(), ..class.clone() };
    assert_eq!(from_slice(b"cm\nn\n)R)R."), Ok(called.clone()));
    assert_eq!(from_slice(b"(cm\nn\n)Ro."), Ok(called.clone()));
    let new = Object { is_new: true, ..called };
    assert_eq!(from_slice(b"cm\nn\n)R)\x81."), Ok(new.clone()));
    let kwargs = vec![("k".into(), 1.into())];
    let new_ex = Object { kwargs, ..new };
    assert_eq!(from_slice(b"cm\nn\n)R)}U\x01kK\x01s\x92."), Ok(new_ex));
    assert!(matches!(from_slice::<Value>(b"N)R."), Err(Error::Malformed { offset: 2, .. })));
}

/// As protocols 0 and 1 make them, and Python 2.
#[test]
fn what_is_made_in_an_old_way() {
    let new = Object { is_new: true, ..Object::new("m", "C", Vec::new()) };
    let (pairs, items) = (vec![(1.into(), 2.into())], list([1]));
    for (content, object) in [
        (&b"c__builtin__\nobject\nN"[..], new.clone()),
        (b"c__builtin__\ndict\n}K\x01K\x02s", Object { pairs, ..new.clone() }),
        (b"c__builtin__\nlist\n]K\x01a", Object { items, ..new.clone() }),
    ] {
        let pickle = [&b"ccopy_reg\n_reconstructor\n(cm\nC\n"[..], content, b"tR."].concat();
        assert_eq!(from_slice(&pickle), Ok(Value::from(object)), "{content:?}");
    }
    assert_eq!(from_slice(b"c__builtin__\nset\n)R."), Ok(Value::Set(list([]))));
    assert_eq!(from_slice(b"c__builtin__\nfrozenset\n)R."), Ok(Value::FrozenSet(list([]))));
    // Its bytes happen to be text.
    assert_eq!(
        from_slice(b"cdatetime\ndate\nU\x04\x07d\x01\x02\x85R."),
        Ok("1892-01-02".to_owned())
    );
}

#[test]
fn containers_that_grow_in_turn() {
    let mut pickle = b"(]q\0]q\x01]q\x02".to_vec();
    for round in 0..5 {
        for which in 0..3 {
            pickle.extend([b'h', which, b'(', b'K', round, b'K', which, b'e', b'0']);
        }
        pickle.extend([b'h', 0, b'(', b'e', b'0']);
    }
    pickle.extend(b"t.");
    let expected = |which| (0..5).flat_map(|round| [round, which]).collect::<Vec<u8>>();
    assert_eq!(from_slice(&pickle), Ok([0, 1, 2].map(expected)));
}

#[test]
fn which_protocol_is_written() {
    for (protocol, start) in [(Protocol::V2, 2), (Protocol::V4, 4), (Protocol::V5, 5)] {
        let pickle = Encoder::new().protocol(protocol).to_bytes(&()).unwrap();
        assert_eq!(pickle, [0x80, start, b'N', b'.']);
    }
}

#[test]
fn which_opcodes_are_written() {
    #[track_caller]
    fn written(protocol: Protocol, value: impl Serialize, opcodes: &[u8]) {
        let pickle = Encoder::new().protocol(protocol).to_bytes(&value).unwrap();
        assert_eq!(&pickle[2..], [opcodes, b"."].concat(), "{protocol:?}");
    }
    for protocol in [Protocol::V2, Protocol::V4, Protocol::V5] {
        written(protocol, [0_u8; 0], b")");
        written(protocol, [1], b"K\x01\x85");
        written(protocol, [1, 2], b"K\x01K\x02\x86");
        written(protocol, [1, 2, 3], b"K\x01K\x02K\x03\x87");
        written(protocol, BTreeMap::<u8, u8>::new(), b"}");
    }
    written(Protocol::V2, "a", b"X\x01\0\0\0a");
    let long = "a".repeat(256);
    for protocol in [Protocol::V4, Protocol::V5] {
        written(protocol, "a", b"\x8c\x01a");
        written(protocol, Bytes(b"a"), b"C\x01a");
        written(protocol, &long, &[b"X\0\x01\0\0", long.as_bytes()].concat());
        written(protocol, Bytes(&long), &[b"B\0\x01\0\0", long.as_bytes()].concat());
    }
    let array = b"\x8c\x08builtins\x8c\x09bytearray\x93C\x01a\x85R";
    written(Protocol::V4, ByteArray(b"a"), array);
    written(Protocol::V5, ByteArray(b"a"), b"\x96\x01\0\0\0\0\0\0\0a");
    written(Protocol::V2, i64::MAX, b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f");
    written(Protocol::V2, Set([1]), b"c__builtin__\nset\n](K\x01e\x85R");
    written(Protocol::V4, Set([1]), b"\x8f(K\x01\x90");
    written(Protocol::V2, FrozenSet([1]), b"c__builtin__\nfrozenset\n](K\x01e\x85R");
    written(Protocol::V4, FrozenSet([1]), b"(K\x01\x91");
}

#[test]
fn limits_are_met_exactly() {
    let number = b"L12345L\n.";
    assert_eq!(Decoder::new().max_digits(4).from_slice(number), Ok(12345));
    let error = Error::TooMuch { offset: 0, limit: Limit::Digits };
    assert_eq!(Decoder::new().max_digits(3).from_slice::<i64>(number), Err(error));
    assert_eq!(Decoder::new().max_bytes(2).from_slice(b"N."), Ok(()));
    assert_eq!(Decoder::new().max_memo(1).from_slice(b"N\x94."), Ok(()));
    // What is made of a text is paid for beyond the pickle's length.
    let text = [b'a'; 100];
    let first = [&b"c_codecs\nencode\nq\0X\x64\0\0\0"[..], &text, b"q\x01U\x06latin1q\x02\x86R"];
    let pickle = [&first.concat()[..], &b"h\0h\x01h\x02\x86R".repeat(9), b"."].concat();
    let made = 10 * text.len() as u64;
    let enough = made - pickle.len() as u64;
    let parse = |expansion| Decoder::new().max_expansion(expansion).parse(&pickle).map(drop);
    assert_eq!(parse(enough), Ok(()));
    let error = Error::TooMuch { offset: pickle.len() - 2, limit: Limit::Expansion };
    assert_eq!(parse(enough - 1), Err(error));
}

/// As an other format's deserializer has it.
#[test]
fn values_from_elsewhere() {
    type Result<T = Value> = std::result::Result<T, OtherError>;
    let of = |value: Result| value.unwrap();
    assert_eq!(of(Value::deserialize(7_u64.into_deserializer())), 7.into());
    assert_eq!(of(Value::deserialize(7_i128.into_deserializer())), 7.into());
    assert_eq!(of(Value::deserialize(7_u128.into_deserializer())), 7.into());
    let most = Integer::from_le_bytes(&[[0xff; 16].as_slice(), &[0]].concat());
    assert_eq!(of(Value::deserialize(u128::MAX.into_deserializer())), most.into());
    assert_eq!(of(Value::deserialize(1.5.into_deserializer())), 1.5.into());
    assert_eq!(of(Value::deserialize(true.into_deserializer())), true.into());
    assert_eq!(of(Value::deserialize("a".into_deserializer())), "a".into());
    assert_eq!(of(Value::deserialize("a".to_owned().into_deserializer())), "a".into());
    assert_eq!(of(Value::deserialize(().into_deserializer())), Value::None);
    let bytes: Result = Value::deserialize(BytesDeserializer::new(b"a"));
    assert_eq!(of(bytes), Value::Bytes(vec![b'a']));
    let row: Result = Value::deserialize(SeqDeserializer::new([1_i64, 2].into_iter()));
    assert_eq!(of(row), Value::List(list([1, 2])));
    let map: Result = Value::deserialize(MapDeserializer::new([(1_i64, 2_i64)].into_iter()));
    assert_eq!(of(map), Value::Dict(vec![(1.into(), 2.into())]));
    let bytes: Result<Bytes> = Bytes::deserialize("a".into_deserializer());
    assert_eq!(bytes.unwrap(), Bytes(vec![b'a']));
}
