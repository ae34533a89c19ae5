//! What of Python's standard library is read as what it is, as Pythons pickle it: `known.txt`, which
//! `known.py` records.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::BTreeMap;

use mpconn_pickle::{Decoder, Encoder, Error, Protocol, Value, from_slice};

const PROTOCOLS: [Protocol; 3] = [Protocol::V2, Protocol::V4, Protocol::V5];

/// Text, or what JSON calls it.
fn read(decoder: Decoder, pickle: &[u8], like: &str) -> Result<String, Error> {
    Ok(match like.as_bytes()[0] {
        b'[' if like.contains('.') => format!("{:?}", decoder.from_slice::<Vec<f64>>(pickle)?),
        b'[' => format!("{:?}", decoder.from_slice::<Vec<i64>>(pickle)?),
        b'{' => format!("{:?}", decoder.from_slice::<BTreeMap<String, i64>>(pickle)?),
        _ => decoder.from_slice(pickle)?,
    })
}

#[test]
fn every_recorded_pickle() {
    for line in include_str!("known.txt").lines() {
        let (hex, says) = line.split_once(' ').unwrap();
        let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let pickle: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
        let strict = Decoder::new().strict(true);
        assert_eq!(read(strict, &pickle, says).as_deref(), Ok(says), "{line}");
        let value: Value = strict.from_slice(&pickle).unwrap();
        for protocol in PROTOCOLS {
            let written = Encoder::new().protocol(protocol).to_bytes(&value).unwrap();
            assert_eq!(from_slice::<Value>(&written).as_ref(), Ok(&value), "{protocol:?}: {line}");
            assert_eq!(read(strict, &written, says).as_deref(), Ok(says), "{protocol:?}: {line}");
        }
    }
}

#[test]
fn a_microsecond_less_than_a_day_away() {
    let zone = |delta: &[u8]| {
        let pickle = [b"cdatetime\ntimezone\ncdatetime\ntimedelta\n", delta, b"\x87R\x85R."];
        from_slice::<String>(&pickle.concat())
    };
    assert_eq!(zone(b"J\xff\xff\xff\xffK\0K\x01").as_deref(), Ok("UTC-23:59:59.999999"));
    assert_eq!(zone(b"K\0J\x7f\x51\x01\0J\x3f\x42\x0f\0").as_deref(), Ok("UTC+23:59:59.999999"));
}

#[test]
fn what_only_looks_like_it() {
    for pickle in [
        &b"cdatetime\ndate\nC\x03\x07\xe8\x01\x85R."[..],
        b"cdatetime\ntime\nC\x05\x01\x02\x03\0\0\x85R.",
        b"cdatetime\ntime\nC\x06\x01\x02\x03\0\0\0K\x01\x86R.",
        b"cdatetime\ndatetime\nC\x03\x07\xe8\x01\x85R.",
        b"cdatetime\ndatetime\nC\x04\x07\xe8\x01\x01\x85R.",
        b"cdatetime\ntimedelta\nK\x01K\x02\x86R.",
        b"cdatetime\ntimedelta\n(K\x01K\x02K\x03K\x04tR.",
        b"cdatetime\ntimedelta\nK\x01K\x02N\x87R.",
        b"cdatetime\ntimezone\n)R.",
        b"cdatetime\ntimezone\nK\x01\x85R.",
        b"cdatetime\ntimezone\ncm\nn\nK\0K\0K\0\x87R\x85R.",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x01K\0K\0\x87R\x85R.",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x02K\0K\0\x87R\x85R.",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nJ\xff\xff\xff\xffK\0K\0\x87R\x85R.",
        b"cdatetime\ntime\nC\x06\x01\x02\x03\0\0\0cm\ntimezone\n)R\x86R.",
        b"cdecimal\nDecimal\nK\x01\x85R.",
        b"cuuid\nUUID\n)\x81.",
        b"cuuid\nUUID\n)\x81}b.",
        b"cuuid\nUUID\n)\x81}U\x03hexK\x01sb.",
        b"cuuid\nUUID\n)\x81}U\x03intJ\xff\xff\xff\xffsb.",
        b"cuuid\nUUID\n)\x81}U\x03int\x8a\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01sb.",
        b"cuuid\nUUID\n)\x81}U\x03intU\x011sb.",
        b"cfractions\nFraction\nK\x01N\x86R.",
        b"cfractions\nFraction\nK\x01\x85R.",
        b"cpathlib\nPosixPath\nK\x01\x85R.",
        b"cpathlib\nPurePath\nU\x01a\x85R.",
        b"ccollections\ndeque\nK\x01\x85R.",
        b"ccollections\nOrderedDict\nK\x01\x85R.",
        b"ccollections\nCounter\nK\x01\x85R.",
        b"ccollections\nChainMap\n)R.",
        b"cbuiltins\nset\nK\x01\x85R.",
        b"cbuiltins\nfrozenset\n]K\x01\x86R.",
        b"cbuiltins\nbytearray\nK\x01\x85R.",
        b"cbuiltins\nbytearray\nU\x01aU\x05utf-8\x86R.",
        b"cbuiltins\nbytes\nK\x01\x85R.",
        b"cbuiltins\ncomplex\nF1\n\x85R.",
        b"c_codecs\nencode\nU\x01aU\x05utf-8\x86R.",
        b"c_codecs\ndecode\nU\x01aU\x06latin1\x86R.",
    ] {
        let strict = Decoder::new().strict(true).from_slice::<Value>(pickle);
        assert!(matches!(strict, Err(Error::Foreign { .. })), "{pickle:?}: {strict:?}");
        assert!(from_slice::<String>(pickle).is_err(), "{pickle:?}");
        let value = from_slice::<Value>(pickle);
        assert!(matches!(value, Ok(Value::Object(_))), "{pickle:?}: {value:?}");
    }
    for malformed in [
        &b"ccollections\nOrderedDict\n]K\x01a\x85R."[..],
        b"ccollections\nOrderedDict\n]]K\x01aa\x85R.",
        b"c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacU\x06latin1\x86R.",
    ] {
        let value = from_slice::<Value>(malformed);
        assert!(matches!(value, Err(Error::Malformed { .. })), "{malformed:?}: {value:?}");
    }
}
