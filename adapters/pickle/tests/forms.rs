//! Which form each Rust type has in Python, and what it is read from.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use mpconn_pickle::{
    ByteArray, Bytes, Decoder, Encoder, Error, Exception, FrozenSet, Global, Integer, Object,
    Protocol, Python2Str, Set, Tuple, Value, from_slice, to_bytes,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const PROTOCOLS: [Protocol; 3] = [Protocol::V2, Protocol::V4, Protocol::V5];

/// It is written as this value of Python's, and that is read as it, in every protocol; also by way
/// of [`Value`].
#[track_caller]
fn is<T: Serialize + DeserializeOwned + PartialEq + Debug>(rust: T, python: Value) {
    for protocol in PROTOCOLS {
        let pickle = Encoder::new().protocol(protocol).to_bytes(&rust).unwrap();
        assert_eq!(from_slice::<Value>(&pickle), Ok(python.clone()), "{protocol:?}");
        assert_eq!(from_slice::<T>(&pickle).as_ref(), Ok(&rust), "{protocol:?}");
    }
    assert_eq!(Value::of(&rust), Ok(python.clone()));
    assert_eq!(python.to::<T>(), Ok(rust));
}

fn list(items: impl IntoIterator<Item = i64>) -> Vec<Value> {
    items.into_iter().map(Value::Int).collect()
}

fn dict<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Dict(pairs.map(|(key, value)| (key.into(), value)).into())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u8);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Struct {
    one: Option<u8>,
    two: Vec<Struct>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Enum {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { one: u8 },
}

#[test]
fn scalars() {
    is((), Value::None);
    is(Unit, Value::None);
    is(None::<u8>, Value::None);
    is(Some(7_u8), 7.into());
    is(true, true.into());
    is('€', "€".into());
    is("text €".to_owned(), Value::from("text €".to_owned()));
    is(1.5_f32, 1.5.into());
    is(f64::MIN_POSITIVE, f64::MIN_POSITIVE.into());
    is(Newtype(7), 7.into());
}

#[test]
fn integers_of_every_size() {
    is(i8::MIN, i64::from(i8::MIN).into());
    is(i16::MIN, i64::from(i16::MIN).into());
    is(i32::MIN, i64::from(i32::MIN).into());
    is(i64::MIN, i64::MIN.into());
    is(i64::MAX, i64::MAX.into());
    is(u16::MAX, i64::from(u16::MAX).into());
    is(u32::MAX, i64::from(u32::MAX).into());
    for shift in 0..63 {
        for number in [1_i64 << shift, (1 << shift) - 1, -(1 << shift), !(1 << shift)] {
            is(number, number.into());
        }
    }
    is(u64::MAX, Integer::from(i128::from(u64::MAX)).into());
    is(i128::MIN, Integer::from(i128::MIN).into());
    let most = Integer::from_le_bytes(&[[0xff; 16].as_slice(), &[0]].concat());
    is(u128::MAX, most.clone().into());
    is(most.clone(), most.into());
    for length in [17, 255, 256, 1000] {
        let long = Integer::from_le_bytes(&vec![0x5a; length]);
        is(long.clone(), long.into());
    }
    // Out of range, and not of another type without saying so.
    assert!(from_slice::<u8>(&to_bytes(&256).unwrap()).is_err());
    assert!(from_slice::<u64>(&to_bytes(&-1).unwrap()).is_err());
    assert!(from_slice::<i64>(&to_bytes(&1.0).unwrap()).is_err());
    assert_eq!(from_slice::<f64>(&to_bytes(&1).unwrap()), Ok(1.0));
}

#[test]
fn rows() {
    is(Vec::<u8>::new(), Value::List(list([])));
    is(vec![1, 2, 3], Value::List(list([1, 2, 3])));
    is((1,), Value::Tuple(list([1])));
    is((1, 2), Value::Tuple(list([1, 2])));
    is((1, 2, 3), Value::Tuple(list([1, 2, 3])));
    is([1, 2, 3, 4], Value::Tuple(list([1, 2, 3, 4])));
    is(Pair(1, "two".into()), Value::Tuple(vec![1.into(), "two".into()]));
    is(Tuple(vec![1, 2]), Value::Tuple(list([1, 2])));
    is(Set(BTreeSet::from([1, 2])), Value::Set(list([1, 2])));
    is(FrozenSet(vec![1, 2]), Value::FrozenSet(list([1, 2])));
    is(Set(Vec::<u8>::new()), Value::Set(list([])));
    // Each from any row.
    let pickle = to_bytes(&Set([1, 2])).unwrap();
    assert_eq!(from_slice::<(u8, u8)>(&pickle), Ok((1, 2)));
    assert_eq!(from_slice::<Vec<u8>>(&pickle), Ok(vec![1, 2]));
    // But neither from a longer nor from a shorter one.
    assert!(from_slice::<(u8,)>(&pickle).is_err());
    assert!(from_slice::<(u8, u8, u8)>(&pickle).is_err());
}

#[test]
fn dicts() {
    is(
        BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]),
        dict([("a", 1.into()), ("b", 2.into())]),
    );
    is(BTreeMap::<u8, u8>::new(), Value::Dict(Vec::new()));
    is(BTreeMap::from([((1, 2), 3)]), Value::Dict(vec![(Value::Tuple(list([1, 2])), 3.into())]));
    let inner = Struct { one: None, two: Vec::new() };
    let empty = dict([("one", Value::None), ("two", Value::List(Vec::new()))]);
    is(
        Struct { one: Some(1), two: vec![inner] },
        dict([("one", 1.into()), ("two", Value::List(vec![empty]))]),
    );
}

#[test]
fn names_are_written_once() {
    let many: Vec<_> = (0..100).map(|_| Struct { one: None, two: Vec::new() }).collect();
    let pickle = to_bytes(&many).unwrap();
    assert_eq!(pickle.windows(3).filter(|window| window == b"two").count(), 1);
    assert_eq!(from_slice::<Vec<Struct>>(&pickle), Ok(many));
    let variants = [Enum::Unit, Enum::Newtype(1), Enum::Unit, Enum::Newtype(2)];
    let pickle = to_bytes(&variants).unwrap();
    assert_eq!(pickle.windows(4).filter(|window| window == b"Unit").count(), 1);
    assert_eq!(from_slice(&pickle), Ok(variants));
}

#[test]
fn variants() {
    is(Enum::Unit, "Unit".into());
    is(Enum::Newtype(1), dict([("Newtype", 1.into())]));
    is(Enum::Tuple(1, 2), dict([("Tuple", Value::Tuple(list([1, 2])))]));
    is(Enum::Struct { one: 1 }, dict([("Struct", dict([("one", 1.into())]))]));
    let none = dict([("Unit", Value::None)]);
    assert_eq!(none.to::<Enum>(), Ok(Enum::Unit));
    for wrong in [dict([]), dict([("Unit", 1.into())]), 1.into(), "Else".into(), "Newtype".into()] {
        assert!(matches!(wrong.to::<Enum>(), Err(Error::Mismatch(_))), "{wrong:?}");
    }
}

#[test]
fn flattened_tagged_and_untagged() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Job { id: u8 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Rest {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    is(Tagged::Job { id: 1 }, dict([("kind", "Job".into()), ("id", 1.into())]));
    is(Untagged::Number(-1), (-1).into());
    is(Untagged::Text("a".into()), "a".into());
    let rest = BTreeMap::from([("x".to_owned(), Value::List(list([1])))]);
    is(Rest { id: 1, rest }, dict([("id", 1.into()), ("x", Value::List(list([1])))]));
}

#[test]
fn bytes_of_every_kind() {
    for data in [&b""[..], b"abc", b"\x00\x7f\x80\xff", &[0xe9; 300], &[b'x'; 300]] {
        is(Bytes(data.to_vec()), Value::Bytes(data.to_vec()));
        for protocol in PROTOCOLS {
            let encoder = Encoder::new().protocol(protocol);
            let array = encoder.to_bytes(&ByteArray(data)).unwrap();
            assert_eq!(from_slice(&array), Ok(Value::ByteArray(data.to_vec())));
            assert_eq!(from_slice(&array), Ok(Bytes(data.to_vec())));
            // Where serde expects numbers in a row.
            assert_eq!(from_slice::<Vec<u8>>(&array), Ok(data.to_vec()));
        }
    }
}

#[test]
fn what_can_be_borrowed_is() {
    #[derive(Debug, Deserialize)]
    struct Borrowed<'p> {
        text: &'p str,
        data: &'p [u8],
        #[serde(borrow)]
        cow: Bytes<Cow<'p, [u8]>>,
    }
    let value = dict([
        ("text", "text".into()),
        ("data", Value::Bytes(vec![1])),
        ("cow", Value::Bytes(vec![2])),
    ]);
    let pickle = Encoder::new().protocol(Protocol::V4).to_bytes(&value).unwrap();
    let Borrowed { text, data, cow } = from_slice(&pickle).unwrap();
    assert!(matches!(cow.0, Cow::Borrowed([2])));
    for part in [text.as_bytes(), data] {
        assert!(pickle.as_ptr_range().contains(&part.as_ptr()));
    }
    // What is escaped in the pickle cannot be borrowed, but owned.
    assert!(from_slice::<&str>(b"V\\u20ac\n.").is_err());
    assert_eq!(from_slice::<Cow<'_, str>>(b"V\\u20ac\n."), Ok("€".into()));
}

#[test]
fn text_of_python_2() {
    let text = b"\x80\x02U\x04text.";
    let data = b"\x80\x02U\x02\xff\x00.";
    assert_eq!(from_slice::<Value>(text), Ok("text".into()));
    assert_eq!(from_slice::<Value>(data), Ok(Value::Bytes(vec![0xff, 0])));
    let bytes = Decoder::new().python2_str(Python2Str::Bytes);
    assert_eq!(bytes.from_slice::<Value>(text), Ok(Value::Bytes(b"text".to_vec())));
    // A type that says which it wants gets it, either way.
    for decoder in [Decoder::new(), bytes] {
        assert_eq!(decoder.from_slice::<String>(text), Ok("text".to_owned()));
        assert_eq!(decoder.from_slice(text), Ok(Bytes(b"text".to_vec())));
        let job = decoder.from_slice::<HashMap<String, u8>>(b"\x80\x02}U\x03jobK\x07s.");
        assert_eq!(job, Ok(HashMap::from([("job".to_owned(), 7)])));
        assert_eq!(decoder.from_slice::<Enum>(b"U\x04Unit."), Ok(Enum::Unit));
    }
}

#[test]
fn surrogates_are_no_text() {
    let pickle = b"\x80\x04\x8c\x05a\xed\xb3\xbfb."; // 'a\udcffb'
    let value = Value::Surrogates(b"a\xed\xb3\xbfb".to_vec());
    assert_eq!(from_slice(pickle), Ok(value.clone()));
    assert!(from_slice::<String>(pickle).is_err());
    assert_eq!(from_slice::<Value>(&to_bytes(&value).unwrap()), Ok(value));
}

#[test]
fn objects_are_read_as_what_they_have() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Job {
        id: u8,
    }
    // A dataclass, one with slots, a subclass of dict, of list, a named tuple.
    let of = |parts: &[&[u8]]| parts.concat();
    let new: &[u8] = b"cm\nJob\n)\x81";
    let id: &[u8] = b"\x8c\x02idK\x07";
    assert_eq!(from_slice(&of(&[new, b"}", id, b"sb."])), Ok(Job { id: 7 }));
    assert_eq!(from_slice(&of(&[new, b"N}", id, b"s\x86b."])), Ok(Job { id: 7 }));
    assert_eq!(from_slice(&of(&[new, id, b"s."])), Ok(Job { id: 7 }));
    assert_eq!(from_slice(&of(&[new, b"K\x07a."])), Ok(vec![7]));
    assert_eq!(from_slice(b"cm\nPair\nK\x01K\x02\x86\x81."), Ok((1, 2)));
    // A type that takes anything gets the pairs before the items, and these before the arguments.
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Any {
        Pairs(BTreeMap<String, u8>),
        Items(Vec<u8>),
    }
    let pairs = BTreeMap::from([("id".to_owned(), 7)]);
    assert_eq!(from_slice(&of(&[new, id, b"s."])), Ok(Any::Pairs(pairs.clone())));
    assert_eq!(from_slice(&of(&[new, b"K\x07a."])), Ok(Any::Items(vec![7])));
    assert_eq!(from_slice(b"cm\nJob\nK\x09\x85\x81K\x07a."), Ok(Any::Items(vec![7])));
    let both = of(&[new, id, b"sK\x08a."]);
    assert_eq!(from_slice(&both), Ok(Any::Pairs(pairs)));
    assert_eq!(from_slice(&both), Ok(vec![8]));
    assert_eq!(from_slice(b"cm\nf\n."), Ok("m.f".to_owned()));
    let strict = Decoder::new().strict(true);
    let error = strict.from_slice::<Job>(&of(&[new, b"}", id, b"sb."])).unwrap_err();
    assert_eq!(error, Error::Foreign { offset: 8, found: "a `m.Job`".into() });
    let found = "the class or function `m.f`".into();
    assert_eq!(strict.from_slice::<String>(b"cm\nf\n."), Err(Error::Foreign { offset: 0, found }));
    // What is known, and Python's own names, are nothing to be strict about.
    assert!(strict.from_slice::<Value>(b"cbuiltins\nint\n.").is_ok());
    assert!(strict.from_slice::<Value>(b"ccollections\ndeque\n)R.").is_ok());
    assert!(strict.from_slice::<String>(b"cdecimal\nDecimal\nU\x011\x85R.").is_ok());
}

#[test]
fn names_do_not_become_opcodes() {
    let global = Global::new("os\nsystem\n(S'false'\ntR.", "x");
    assert!(matches!(to_bytes(&global), Err(Error::Unwritable(_))));
    assert!(matches!(to_bytes(&Global::new("m", "x\nR")), Err(Error::Unwritable(_))));
    assert!(to_bytes(&Global::new("a:b", "x")).is_err());
    let kwargs = vec![("a".into(), Value::None)];
    let object = Object { kwargs, is_new: true, ..Object::new("m", "n", Vec::new()) };
    assert!(matches!(to_bytes(&object), Err(Error::Unwritable(_))));
    let pickle = Encoder::new().protocol(Protocol::V4).to_bytes(&object).unwrap();
    assert_eq!(from_slice(&pickle), Ok(object));
}

#[test]
fn a_failed_write_leaves_the_buffer() {
    let mut out = b"before".to_vec();
    let wrong = vec![Global::new("m\n", "n")];
    Encoder::new().to_vec(&wrong, &mut out).unwrap_err();
    assert_eq!(out, b"before");
    Encoder::new().to_vec(&1, &mut out).unwrap();
    assert_eq!(out, b"before\x80\x02K\x01.");
}

#[test]
fn exceptions() {
    let error = Exception::new("builtins", "ValueError", vec!["a".into(), 1.into()]);
    is(error.clone(), error.clone().into());
    assert_eq!(error.to_string(), "ValueError: [Str(\"a\"), Int(1)]");
    assert_eq!(Exception::new("m", "Error", vec![]).to_string(), "Error");
    assert_eq!(Exception::new("m", "Error", vec!["a".into()]).to_string(), "Error: a");
    let noted = Exception { state: Some(dict([("x", 1.into())])), ..error };
    is(noted.clone(), noted.into());
    let object = |module, name| Object::new(module, name, Vec::new());
    for name in ["ValueError", "Exception", "UserWarning", "SystemExit", "KeyboardInterrupt"] {
        assert!(Value::from(object("builtins", name)).is_exception(), "{name}");
    }
    assert!(Value::from(object("m", "JobError")).is_exception());
    assert!(!Value::from(object("m", "Job")).is_exception());
    assert!(!Value::from(object("builtins", "object")).is_exception());
    assert!(!Value::from(Object { is_new: true, ..object("builtins", "Error") }).is_exception());
    assert!(!Value::from("ValueError").is_exception());
    // What is made otherwise is given back, and cannot be read as one.
    let items = vec![Value::None];
    for other in [
        Object { is_new: true, ..object("m", "n") },
        Object { items: items.clone(), ..object("m", "n") },
        Object { pairs: vec![(1.into(), 2.into())], ..object("m", "n") },
    ] {
        let value = Value::from(other);
        assert_eq!(Exception::try_from(value.clone()), Err(value.clone()));
        assert!(value.to::<Exception>().is_err());
    }
    assert_eq!(Exception::try_from(Value::List(items.clone())), Err(Value::List(items)));
}

#[test]
fn a_value_of_the_other_kind() {
    let values = [
        Value::None,
        1.into(),
        "text".into(),
        Value::Global(Global::new("m", "n").into()),
        Object::new("m", "n", Vec::new()).into(),
    ];
    for value in &values {
        assert_eq!(value.to::<Integer>().is_ok(), matches!(value, Value::Int(_)), "{value:?}");
        assert_eq!(value.to::<Global>().is_ok(), matches!(value, Value::Global(_)), "{value:?}");
        assert_eq!(value.to::<Object>().is_ok(), matches!(value, Value::Object(_)), "{value:?}");
        assert_eq!(value.as_str(), (*value == "text".into()).then_some("text"));
        assert_eq!(value.get("key"), None);
    }
    assert_eq!(dict([("key", 1.into())]).get("key"), Some(&1.into()));
    assert_eq!(dict([("key", 1.into())]).get("other"), None);
    assert_eq!(Integer::from(-256).as_le_bytes(), [0, 0xff]);
    assert_eq!(Integer::from(-256).to_i128(), Some(-256));
    assert_eq!(Integer::from_le_bytes(&[1; 17]).to_i128(), None);
}

/// A type with fewer places takes no part of what there is.
#[test]
fn nothing_is_cut_off() {
    assert_eq!(from_slice(b"C\x02ab."), Ok([97_u8, 98]));
    from_slice::<[u8; 2]>(b"C\x03abc.").unwrap_err();
    from_slice::<(u8, u8)>(b"C\x03abc.").unwrap_err();
    let complex = b"cbuiltins\ncomplex\nG\x3f\xf0\0\0\0\0\0\0G\x40\0\0\0\0\0\0\0\x86R.";
    assert_eq!(from_slice(complex), Ok((1.0, 2.0)));
    from_slice::<(f64,)>(complex).unwrap_err();
}
