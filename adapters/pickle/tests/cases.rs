//! Messages of real Pythons that had been read as silent wrong values or not at all, by their kinds.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::fmt::Debug;

use mpconn_pickle::{Bytes, Decoder, Error, Exception, Reply, Value, from_slice, to_bytes};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[track_caller]
fn reads<T: DeserializeOwned + PartialEq + Debug>(hex: &str, expected: T) {
    let pickle = bytes(hex);
    assert_eq!(from_slice::<T>(&pickle), Ok(expected));
    // It can be skipped, seen, and written again.
    from_slice::<IgnoredAny>(&pickle).unwrap();
    let value: Value = from_slice(&pickle).unwrap();
    assert_eq!(to_bytes(&value).and_then(|again| from_slice(&again)), Ok(value));
}

#[track_caller]
fn refuses<T: DeserializeOwned + Debug>(hex: &str, says: &str) {
    let error = from_slice::<T>(&bytes(hex)).unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)), "{error:?}");
    assert!(error.to_string().contains(says), "{error}");
}

#[derive(Debug, PartialEq, Deserialize)]
struct Named {
    x: i64,
    n: String,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Defaults {
    x: i64,
    n: String,
}

const BERLIN: &str = "80049594000000000000007d94288c047768656e948c086461746574696d65948c086461746574696d65949394430a07e80702030405000000948c086275696c74696e73948c07676574617474729493948c087a6f6e65696e666f948c085a6f6e65496e666f9493948c095f756e7069636b6c6594869452948c0d4575726f70652f4265726c696e944b0186945294869452948c056f74686572944b05752e";

/// K1: a class that is itself the result of a call.
#[test]
fn calls_of_calls() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Other {
        other: u8,
    }
    reads(BERLIN, Other { other: 5 });
    refuses::<HashMap<String, String>>(BERLIN, "time zone `Europe/Berlin`");
    #[derive(Debug, PartialEq, Deserialize)]
    struct X {
        x: u8,
    }
    reads("8004636d0a6d616b650a295229817d8c01784b0173622e", X { x: 1 });
    reads(
        "80049538000000000000005d94288c046d6f7265948c046d616b659493948c06736368656d6194859452944b018c0161948694529468064b028c01629486945294652e",
        vec![(1, "a".to_owned()), (2, "b".to_owned())],
    );
    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        x: u8,
        name: String,
    }
    reads(
        "8003636275696c74696e730a676574617474720a7100637468696e67730a4f757465720a71015805000000496e6e65727102867103527104298171057d71062858010000007871074b0158040000006e616d65710858010000006e710975622e",
        Inner { x: 1, name: "n".into() },
    );
}

/// ZoneInfo('Europe/Berlin'), by itself.
#[test]
fn a_zone_is_its_key() {
    let pickle = b"cbuiltins\ngetattr\nczoneinfo\nZoneInfo\nX\x09\0\0\0_unpickle\x86RX\x0d\0\0\0Europe/BerlinK\x01\x86R.";
    assert_eq!(from_slice(pickle), Ok("Europe/Berlin".to_owned()));
    assert!(Decoder::new().strict(true).from_slice::<String>(pickle).is_ok());
}

/// K2: states that are not one dict.
#[test]
fn states_of_every_form() {
    let frozen = "80049528000000000000008c067468696e6773948c0b46726f7a656e536c6f74739493942981945d94284b018c016e9465622e";
    reads(frozen, Named { x: 1, n: "n".into() });
    reads(frozen, Defaults { x: 1, n: "n".into() });
    refuses::<HashMap<String, Value>>(frozen, "things.FrozenSlots");
    reads(
        "8004954e000000000000008c186d756c746970726f63657373696e672e6d616e6167657273948c05546f6b656e9493942981948c096765745f7175657565948c093132372e302e302e31944b0586948c03616263948794622e",
        ("get_queue".to_owned(), ("127.0.0.1".to_owned(), 5_u16), "abc".to_owned()),
    );
    let object = |state: &[u8]| [b"cm\nC\n)\x81", state, b"b."].concat();
    let both = object(b"}\x8c\x01xK\x01s}\x8c\x01n\x8c\x01ns\x86");
    assert_eq!(from_slice(&both), Ok(Named { x: 1, n: "n".into() }));
    // A model of pydantic.
    let model = object(
        b"}(\x8c\x08__dict__}(\x8c\x01xK\x01\x8c\x01n\x8c\x01nu\x8c\x17__pydantic_fields_set__\x8f\
        \x8c\x12__pydantic_extra__N\x8c\x14__pydantic_private__Nu",
    );
    assert_eq!(from_slice(&model), Ok(Named { x: 1, n: "n".into() }));
    assert_eq!(from_slice(&model), Ok(Defaults { x: 1, n: "n".into() }));
    // One that has a state never falls back to its arguments.
    let state = b"cm\nC\nK\x01K\x02\x86\x81}\x8c\x01xK\x01sb.";
    assert!(from_slice::<(u8, u8)>(state).is_err());
    assert!(from_slice::<u8>(b"cm\nC\nK\x01\x85\x81}\x8c\x01xK\x01sb.").is_err());
    // Python 2 writes an empty one for what has no attributes.
    assert_eq!(from_slice(b"cm\nC\nK\x01\x85\x81}b."), Ok(1));
}

/// K3: what a constructor is called with is no content.
#[test]
fn arguments_are_no_content() {
    reads(
        "8004951f000000000000008c086275696c74696e73948c046c6973749493944b014b028694859452942e",
        vec![1, 2],
    );
    let range =
        "80049520000000000000008c086275696c74696e73948c0572616e67659493944b004b034b01879452942e";
    reads(range, vec![0, 1, 2]);
    refuses::<HashMap<u8, u8>>(range, "`range`");
    reads(
        "80049520000000000000008c067468696e6773948c054d795365749493945d94284b014b0265859452942e",
        vec![1, 2],
    );
    refuses::<Vec<Vec<u8>>>(
        "80049520000000000000008c067468696e6773948c054d795365749493945d94284b014b0265859452942e",
        "an int",
    );
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is not read")]
    struct Reply {
        msg: String,
    }
    let refuses = |pickle: &[u8], says: &str| {
        let seq = from_slice::<Vec<Value>>(pickle).unwrap_err().to_string();
        let reply = from_slice::<Reply>(pickle).unwrap_err().to_string();
        let bytes = from_slice::<Bytes>(pickle).unwrap_err().to_string();
        let number = from_slice::<i64>(pickle).unwrap_err().to_string();
        for message in [seq, bytes, number] {
            assert!(message.starts_with(says), "{message}");
        }
        assert!(!reply.is_empty());
    };
    refuses(b"cbuiltins\nValueError\n\x8c\x04boom\x85R.", "an exception `ValueError`");
    refuses(b"cm\nJobError\n\x8c\x04boom\x85R.", "an exception `m.JobError`");
    refuses(b"ccollections\nCounter\n}\x85R.", "a `collections.Counter`");
    refuses(b"ccollections\nOrderedDict\n)R.", "a `collections.OrderedDict`");
    refuses(b"cdatetime\ndate\nC\x04\x07\xe8\x01\x02\x85R.", "a `datetime.date`");
    refuses(b"cuuid\nUUID\n)\x81}\x8c\x03intK\x05sb.", "an `uuid.UUID`");
    refuses(b"cpathlib\nPosixPath\n\x8c\x01/\x8c\x01a\x86R.", "a `pathlib.PosixPath`");
    refuses(b"cfractions\nFraction\nK\x01K\x02\x86R.", "a `fractions.Fraction`");
    refuses(b"cthings\nMyPath\n\x8c\x01/\x8c\x01a\x86R.", "a `things.MyPath`");
    refuses(b"cthings\nMyDate\nC\x04\x07\xe8\x01\x02\x85R.", "a `things.MyDate`");
    refuses(b"citertools\ncount\nK\x05\x85R.", "an `itertools.count`");
    refuses(b"cbuiltins\niter\n]K\x05a\x85RK\0b.", "an `iter`");
    refuses(b"coperator\nattrgetter\n\x8c\x01a\x8c\x01b\x86R.", "an `operator.attrgetter`");
    refuses(b"cm\nPlain\n)\x81}\x8c\x01xK\x01sb.", "a `m.Plain`");
}

/// A `range` is no claim for memory.
#[test]
fn a_long_range_is_refused() {
    let pickle = b"cbuiltins\nrange\nK\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x01\x87R.";
    assert!(matches!(from_slice::<Vec<u64>>(pickle), Err(Error::TooMuch { .. })));
    let down = b"cbuiltins\nrange\nK\x05K\0J\xfe\xff\xff\xff\x87R.";
    assert_eq!(from_slice(down), Ok(vec![5, 3, 1]));
    assert_eq!(from_slice(b"cbuiltins\nrange\nK\x05K\0K\x01\x87R."), Ok(Vec::<u8>::new()));
}

/// Both forms of `array.array`.
#[test]
fn arrays() {
    assert_eq!(from_slice(b"carray\narray\n\x8c\x01i](K\x01K\x02e\x86R."), Ok(vec![1, 2]));
    let reconstructed = b"carray\n_array_reconstructor\n(carray\narray\n\x8c\x01iK\x08C\x08\x01\0\0\0\xff\xff\xff\xfftR.";
    assert_eq!(from_slice(reconstructed), Ok(vec![1, -1]));
    assert!(from_slice::<Vec<String>>(reconstructed).is_err());
    // Of a Python that has imported multiprocessing.managers.
    let managed = b"carray\narray\n\x8c\x01iC\x08\x01\0\0\0\x02\0\0\0\x86R.";
    assert_eq!(from_slice(managed), Ok(vec![1, 2]));
    assert!(from_slice::<Vec<String>>(managed).is_err());
    let machine = b"carray\narray\n\x8c\x01lC\x08\x01\0\0\0\x02\0\0\0\x86R.";
    let error = from_slice::<Vec<i64>>(machine).unwrap_err().to_string();
    assert!(error.starts_with("an `array.array`"), "{error}");
}

/// K4: classes that wrap one value.
#[test]
fn wrapped_values() {
    let status = "8004951d000000000000008c0468747470948c0a485454505374617475739493944bc8859452942e";
    reads(status, 200_u16);
    refuses::<Vec<u16>>(status, "`http.HTTPStatus`");
    reads("80049519000000000000008c067468696e6773948c045072696f9493944b09859452942e", 9_u8);
    for (pickle, text) in [
        (&b"cm\nColour\n\x8c\x03red\x85R."[..], "red"),
        (b"cm\nText\n\x8c\x03red\x85\x81.", "red"),
        (b"ccopy_reg\n_reconstructor\n(cm\nText\nc__builtin__\nunicode\nVred\ntR.", "red"),
    ] {
        assert_eq!(from_slice(pickle), Ok(text.to_owned()));
        assert!(from_slice::<(String,)>(pickle).is_err());
    }
    assert_eq!(from_slice(b"cm\nData\nC\x03red\x85\x81."), Ok(Bytes(b"red".to_vec())));
    assert_eq!(from_slice(b"cm\nNumber\nK\x05\x85\x81."), Ok(5));
    assert_eq!(from_slice(b"cm\nNumber\nG?\xf8\0\0\0\0\0\0\x85\x81."), Ok(1.5));
    assert_eq!(from_slice(b"cm\nPoint\nK\x01K\x02\x86\x85\x81."), Ok((1, 2)));
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
    }
    assert_eq!(from_slice(b"cm\nColour\n\x8c\x03red\x85R."), Ok(Colour::Red));
}

/// K5: numbers of NumPy.
#[test]
fn numbers_of_numpy() {
    let float = "80049566000000000000008c166e756d70792e5f636f72652e6d756c74696172726179948c067363616c61729493948c056e756d7079948c0564747970659493948c02663494898887945294284b038c013c944e4e4e4affffffff4affffffff4b0074946243040000c03f94869452942e";
    reads(float, 1.5_f32);
    refuses::<Vec<f32>>(float, "`numpy._core.multiarray.scalar`");
    refuses::<String>(float, "`numpy._core.multiarray.scalar`");
}

/// K6: other known classes as text.
#[test]
fn zones_and_addresses() {
    let utc = "2024-07-02T00:00:00+00:00".to_owned();
    reads(
        "8004953d000000000000008c086461746574696d65948c086461746574696d65949394430a07e80702000000000000948c047079747a948c045f555443949394295294869452942e",
        utc.clone(),
    );
    reads(
        "80049548000000000000008c086461746574696d65948c086461746574696d65949394430a07e80702000000000000948c0e646174657574696c2e747a2e747a948c05747a757463949394295294869452942e",
        utc,
    );
    for (pickle, text) in [
        (&b"cipaddress\nIPv4Network\n\x8c\x0a10.0.0.0/8\x85R."[..], "10.0.0.0/8"),
        (b"cipaddress\nIPv4Address\nJ\x04\x03\x02\x01\x85R.", "1.2.3.4"),
        (b"cipaddress\nIPv6Address\nK\x01\x85R.", "::1"),
        (b"cipaddress\nIPv6Address\n\x8c\x03::1\x85R.", "::1"),
        (b"cre\n_compile\n\x8c\x02a+K\x20\x86R.", "a+"),
        (b"cre\n_compile\n\x8c\x02a+K\x22\x86R.", "(?i)a+"),
        (b"cbuiltins\nEllipsis\n.", "Ellipsis"),
        (b"cpytz\n_UTC\n)R.", "UTC"),
    ] {
        assert_eq!(Decoder::new().strict(true).from_slice(pickle), Ok(text.to_owned()));
    }
    let berlin = b"cdatetime\ndatetime\nC\x0a\x07\xe8\x07\x02\0\0\0\0\0\0cpytz\n_p\n(\x8c\x0dEurope/BerlinM\x20\x1cM\x10\x0e\x8c\x04CESTtR\x86R.";
    assert_eq!(from_slice(berlin), Ok("2024-07-02T00:00:00+02:00".to_owned()));
}

/// K7: exceptions.
#[test]
fn exceptions() {
    let error = Exception::new("builtins", "ValueError", vec!["boom".into()]);
    let pickle = to_bytes(&error).unwrap();
    assert_eq!(Decoder::new().strict(true).from_slice(&pickle), Ok(error.clone()));
    assert_eq!(from_slice(&pickle), Ok(Err::<u8, _>(error.clone())));
    assert_eq!(from_slice(&pickle), Ok(Reply::<String>::Exception(error.clone())));
    assert_eq!(from_slice(b"K\x07."), Ok(Ok::<u8, Exception>(7)));
    assert_eq!(from_slice(b"K\x07."), Ok(Reply::Value(7)));
    // As serde writes it.
    let written = to_bytes(&Ok::<u8, String>(7)).unwrap();
    assert_eq!(from_slice(&written), Ok(Ok::<u8, String>(7)));
    let written = to_bytes(&Reply::<u8>::Exception(error.clone())).unwrap();
    assert_eq!(written, pickle);
    assert!(from_slice::<Exception>(b"chttp\nHTTPStatus\nK\xc8\x85R.").is_err());
    assert!(from_slice::<Exception>(b"cdatetime\ndate\nC\x04\x07\xe8\x01\x02\x85R.").is_err());
    assert!(from_slice::<Exception>(b"cm\nBoom\n)R.").is_ok());
    // From a pool of processes.
    for function in
        ["multiprocessing.pool\nrebuild_exc", "concurrent.futures.process\n_rebuild_exc"]
    {
        let pickle =
            format!("c{function}\nc__builtin__\nValueError\n(Vboom\ntRVraised\u{20}here\n\u{86}R.");
        let pickle: Vec<u8> = pickle.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let read: Exception = from_slice(&pickle).unwrap();
        assert_eq!((&read.class, &read.args), (&error.class, &error.args));
        assert_eq!(read.source().unwrap().to_string(), "raised here");
        assert_eq!(from_slice(&pickle), Ok(Reply::<u8>::Exception(read.clone())));
        assert_eq!(from_slice(&to_bytes(&read).unwrap()), Ok(read));
        let error = from_slice::<String>(&pickle).unwrap_err().to_string();
        assert!(error.starts_with("an exception `ValueError`"), "{error}");
    }
}

/// K9: what a Python that has imported multiprocessing.managers makes of dict views.
#[test]
fn views_of_dicts() {
    let pickle = b"cbuiltins\nlist\n](\x8c\x01a\x8c\x01be\x85R.";
    assert_eq!(from_slice(pickle), Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(from_slice(pickle), Ok(Value::List(vec!["a".into(), "b".into()])));
}

#[test]
fn errors_say_the_path() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is not read")]
    struct Jobs {
        jobs: Vec<Job>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is not read")]
    struct Job {
        sizes: Vec<u8>,
    }
    let job = |size: Value| BTreeMap::from([("sizes", vec![size])]);
    let jobs = BTreeMap::from([("jobs", vec![job(1.into()), job(Value::None)])]);
    let Err(Error::Mismatch(mismatch)) = from_slice::<Jobs>(&to_bytes(&jobs).unwrap()) else {
        panic!("it was read")
    };
    assert_eq!(mismatch.path(), "jobs[1].sizes[0]");
    assert_eq!(mismatch.message(), "None, where u8 is expected");
}
