//! What hostile pickles say, on a thread with a stack of 256 KiB: typed errors, and memory that is
//! linear in their length.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::HashMap;
use std::fmt::Debug;
use std::thread;

use mpconn_pickle::{
    Decoder, Error, Exception, Limit, MAX_DEPTH, MAX_EXPANSION, MAX_NODES, Value, from_slice,
    to_bytes,
};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

const STACK: usize = 256 << 10;

/// What only has to be large, and the limits that it meets, are so many bits smaller under Miri, which
/// takes milliseconds for an opcode.
const SHRUNK: u8 = if cfg!(miri) { 8 } else { 0 };

const EXPANSION: u64 = MAX_EXPANSION >> SHRUNK;
const LARGE: usize = (1 << 20) >> SHRUNK;
// What is made of many opcodes is smaller still.
const NODES: u32 = if cfg!(miri) { 1 << 14 } else { MAX_NODES };
const DEEP: [usize; 2] = if cfg!(miri) { [40, 50] } else { [10_000, 100_000] };
const ROW: usize = if cfg!(miri) { 200 } else { 256 << 10 };

/// At most so many bytes of memory for each of the pickle's, as the crate promises.
const MEMORY_PER_BYTE: u64 = 160;

/// The memory that shared values may take besides: a [`Value`] is twice of what one is charged.
const MEMORY_FOR_SHARED: u64 = 3 * EXPANSION;

fn small_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let builder = thread::Builder::new().stack_size(STACK);
    thread::scope(|scope| builder.spawn_scoped(scope, run).unwrap().join().unwrap())
}

/// Reads it on a small stack, as what makes the most of it, and drops that there.
fn read<T: DeserializeOwned>(pickle: &[u8]) -> Result<(), Error> {
    let mut decoder = Decoder::new();
    if cfg!(miri) {
        decoder = decoder.max_expansion(EXPANSION).max_nodes(NODES);
    }
    let (result, used) = small_stack(|| {
        let mut result = Ok(());
        let read = || result = decoder.from_slice::<T>(pickle).map(drop);
        let used = allocation_counter::measure(read);
        (result, used)
    });
    let most = pickle.len() as u64 * MEMORY_PER_BYTE + MEMORY_FOR_SHARED;
    assert!(used.bytes_max <= most, "{} bytes for {}", used.bytes_max, pickle.len());
    result
}

fn limit(result: Result<(), Error>) -> Limit {
    match result {
        Err(Error::TooMuch { limit, .. }) => limit,
        other => panic!("no limit: {other:?}"),
    }
}

#[track_caller]
fn malformed(pickle: &[u8]) {
    let result = read::<Value>(pickle);
    assert!(matches!(result, Err(Error::Malformed { .. })), "{result:?}");
}

#[track_caller]
fn truncated(pickle: &[u8]) {
    let result = read::<Value>(pickle);
    assert!(matches!(result, Err(Error::Truncated { .. })), "{result:?}");
}

fn nested(open: &[u8], close: &[u8], depth: usize) -> Vec<u8> {
    [b"\x80\x02", &open.repeat(depth)[..], b"N", &close.repeat(depth), b"."].concat()
}

#[test]
fn as_deep_as_allowed_and_no_deeper() {
    let allowed = MAX_DEPTH as usize;
    for (open, close) in [
        (&b"]"[..], &b"a"[..]),
        (b"", b"\x85"),
        (b"}N", b"s"),
        (b"(", b"\x91"),
        (b"cm\nn\n", b"\x85R"),
        (b"cm\nn\n)R", b"b"),
        (b"cm\nn\n)R", b"a"),
        (b"cm\nn\n)RN", b"s"),
    ] {
        let pickle = nested(open, close, allowed);
        match read::<Value>(&pickle) {
            Ok(()) => {}
            // An object is one level, and what it has in it another.
            error => assert_eq!(limit(error), Limit::Depth, "{open:?}"),
        }
        assert_eq!(limit(read::<Value>(&nested(open, close, allowed + 1))), Limit::Depth);
        for depth in DEEP {
            assert_eq!(limit(read::<Value>(&nested(open, close, depth))), Limit::Depth);
            read::<IgnoredAny>(&nested(open, close, depth)).unwrap();
        }
    }
    read::<Value>(&nested(b"]", b"a", allowed)).unwrap();
    read::<Value>(&nested(b"}N", b"s", allowed)).unwrap();
}

#[test]
fn a_timezone_further_away_than_numbers_go() {
    let pickle =
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\x00K\x00\x87R\x85R.";
    assert!(from_slice::<String>(pickle).is_err());
    assert!(matches!(from_slice::<Value>(pickle), Ok(Value::Object(_))));
    assert!(Decoder::new().strict(true).from_slice::<Value>(pickle).is_err());
}

#[test]
fn the_offset_of_what_is_too_deep() {
    let pickle = nested(b"]", b"a", MAX_DEPTH as usize + 1);
    let offset = 2 + MAX_DEPTH as usize;
    assert_eq!(from_slice::<Value>(&pickle), Err(Error::TooMuch { offset, limit: Limit::Depth }));
}

#[test]
fn containers_that_contain_themselves() {
    // a = []; a.append(a)
    assert_eq!(limit(read::<Value>(b"\x80\x02]q\0h\0a.")), Limit::Depth);
    // a = {}; a[1] = a
    assert_eq!(limit(read::<Value>(b"\x80\x02}q\0K\x01h\0s.")), Limit::Depth);
    // a = []; t = (a,); a.append(t); t, as Python writes it: the tuple is taken from the memo.
    let pickle = b"\x80\x02]q\0h\0\x85q\x01a0h\x01.";
    assert_eq!(limit(read::<Value>(pickle)), Limit::Depth);
    // An object that has itself as an attribute.
    let pickle = b"\x80\x02cm\nC\n)\x81q\0}U\x04selfh\0sb.";
    assert_eq!(limit(read::<Value>(pickle)), Limit::Depth);
    // As a bomb: each of ten thousand is in itself.
    let pickle = [b"\x80\x02]q\0(", &b"h\0".repeat(10_000)[..], b"e."].concat();
    assert!(matches!(limit(read::<Value>(&pickle)), Limit::Depth | Limit::Expansion));
}

/// A value of so many bytes: its opcode, their number, and each of them this one.
fn large(opcode: &[u8], byte: u8) -> Vec<u8> {
    let length = u32::try_from(LARGE).unwrap().to_le_bytes();
    [opcode, &length, &[byte].repeat(LARGE)].concat()
}

/// a = [x, x]; b = [a, a]; ...: so many times doubled.
fn bomb(x: &[u8], times: u8) -> Vec<u8> {
    let mut pickle = [b"\x80\x02", x, b"q\0"].concat();
    for nth in 0..times {
        pickle.extend([b'0', b']', b'q', nth + 1, b'(', b'h', nth, b'h', nth, b'e']);
    }
    [&pickle[..], b"."].concat()
}

#[test]
fn shared_values_are_bounded() {
    assert_eq!(from_slice::<Vec<Vec<u8>>>(&bomb(b"K\x07", 2)), Ok(vec![vec![7, 7]; 2]));
    read::<Value>(&bomb(b"N", 18 - SHRUNK)).unwrap();
    for times in [24, 28, 31] {
        assert_eq!(limit(read::<Value>(&bomb(b"N", times))), Limit::Expansion, "{times}");
        read::<IgnoredAny>(&bomb(b"N", times)).unwrap();
    }
    // Few values, of which each is long.
    let text = large(b"X", b'x');
    assert_eq!(limit(read::<Value>(&bomb(&text, 10))), Limit::Expansion);
    let bytes = large(b"B", b'x');
    assert_eq!(limit(read::<Value>(&bomb(&bytes, 10))), Limit::Expansion);
    let long = large(b"\x8b", b'x');
    assert_eq!(limit(read::<Value>(&bomb(&long, 10))), Limit::Expansion);
    let decimal = [b"cdecimal\nDecimal\n", &large(b"X", b'1')[..], b"\x85R"].concat();
    assert_eq!(limit(read::<Value>(&bomb(&decimal, 10))), Limit::Expansion);
    let wide = [b"(", &b"N".repeat(4 * ROW)[..], b"t"].concat();
    assert_eq!(limit(read::<Value>(&bomb(&wide, 10))), Limit::Expansion);
}

#[test]
fn more_is_allowed_by_options() {
    let pickle = bomb(b"N", 20 - SHRUNK);
    assert_eq!(limit(read::<Value>(&pickle)), Limit::Expansion);
    let decoder = Decoder::new().max_expansion(1 << 30);
    let value: Value = decoder.from_slice(&pickle).unwrap();
    drop(value);
    let depth: u16 = if cfg!(miri) { 100 } else { 1000 };
    let deep = nested(b"]", b"a", depth.into());
    let read = move || Decoder::new().max_depth(depth.into()).from_slice::<Value>(&deep).map(drop);
    let builder = thread::Builder::new().stack_size(16 << 20);
    builder.spawn(read).unwrap().join().unwrap().unwrap();
}

#[test]
fn what_is_made_from_a_shared_value_again_and_again() {
    // The same text as bytes, ten thousand times.
    let text = [b"\x80\x02(c_codecs\nencode\nq\0", &large(b"X", b'x')[..], b"q\x01"];
    let again = b"U\x06latin1\x86Rh\0h\x01".repeat(10_000);
    let pickle = [&text.concat()[..], &again, b"U\x06latin1\x86Rt."].concat();
    assert_eq!(limit(read::<Value>(&pickle)), Limit::Expansion);
    // The same long list as an OrderedDict.
    let list = [b"\x80\x02(](", &b"K\x01K\x02\x86".repeat(LARGE / 8)[..], b"eq\0"].concat();
    let again = b"ccollections\nOrderedDict\nh\0\x85R".repeat(10_000);
    let pickle = [&list[..], &again, b"t."].concat();
    assert_eq!(limit(read::<Value>(&pickle)), Limit::Expansion);
}

#[test]
fn claims_of_memory() {
    // Lengths of texts and bytes.
    for claim in [
        &b"X\xff\xff\xff\x7f"[..],
        b"X\xff\xff\xff\xff",
        b"T\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\x7f",
        b"\x8d\0\0\0\0\0\x01\0\0",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x96\0\0\0\0\0\x01\0\0",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8c\xff",
        b"C\xff",
        b"\x8a\xff",
        b"U\xff",
    ] {
        truncated(&[claim, b"abc."].concat());
    }
    // Indices of the memo.
    assert_eq!(limit(read::<Value>(b"\x80\x02]r\0\0\0\x04.")), Limit::Memo);
    assert_eq!(limit(read::<Value>(b"]p67108864\n.")), Limit::Memo);
    malformed(b"\x80\x02]r\xff\xff\0\0.");
    malformed(b"]p65535\n.");
    assert_eq!(limit(read::<Value>(b"]p18446744073709551615\n.")), Limit::Memo);
    malformed(b"]p18446744073709551616\n.");
    malformed(b"]p-1\n.");
    for get in [&b"h\x05."[..], b"j\0\0\0\x04.", b"g67108864\n.", b"]q\x02h\x01."] {
        malformed(get);
    }
}

#[test]
fn too_many_digits() {
    let number = |digits: usize| [b"L", &b"9".repeat(digits)[..], b"L\n."].concat();
    read::<Value>(&number(4300)).unwrap();
    let many = if cfg!(miri) { 10_000 } else { 1_000_000 };
    for digits in [4302, many] {
        assert_eq!(limit(read::<Value>(&number(digits))), Limit::Digits);
    }
    let int = [b"I", &b"9".repeat(many)[..], b"\n."].concat();
    assert_eq!(limit(read::<Value>(&int)), Limit::Digits);
    let float = [b"F", &b"9".repeat(many)[..], b"\n."].concat();
    read::<Value>(&float).unwrap();
}

#[test]
fn too_many_values() {
    assert_eq!(limit(read::<IgnoredAny>(&b"N".repeat(NODES as usize + 1))), Limit::Nodes);
    let decoder = Decoder::new().max_nodes(3);
    assert!(decoder.from_slice::<Value>(b"NNN.").is_ok());
    let error = Error::TooMuch { offset: 3, limit: Limit::Nodes };
    assert_eq!(decoder.from_slice::<Value>(b"NNNN."), Err(error));
    let decoder = Decoder::new().max_memo(1);
    let error = Error::TooMuch { offset: 2, limit: Limit::Memo };
    assert_eq!(decoder.from_slice::<Value>(b"N\x94\x94."), Err(error));
    let decoder = Decoder::new().max_bytes(1);
    let error = Error::TooMuch { offset: 1, limit: Limit::Bytes };
    assert_eq!(decoder.from_slice::<Value>(b"N."), Err(error));
}

#[test]
fn memory_is_linear_for_every_opcode() {
    for opcodes in [
        &b"N"[..],
        b"]",
        b")",
        b"}",
        b"(",
        b"K\0",
        b"]q\0",
        b"]\x94",
        b"h\0",
        b"2",
        b"U\0",
        b"C\0",
        b"cm\nn\n",
        b"cm\nn\n)R",
        b"cm\nn\n)\x81",
        b"cm\nn\n)R}b",
        b"cm\nn\n)RNa",
        b"(im\nn\n",
        b"c_codecs\nencode\nX\0\0\0\0U\x06latin1\x86R",
        b"G\0\0\0\0\0\0\0\0",
        b"\x8a\0",
        b"]](NNe",
        b"cbuiltins\nset\n]\x85R",
        b"ccollections\nOrderedDict\n)R",
    ] {
        let pickle = [b"N\x940(", &opcodes.repeat(ROW / opcodes.len())[..], b"t."].concat();
        // What it is in the end does not matter; how much memory it took on the way does.
        let _ = read::<Value>(&pickle);
        let _ = read::<IgnoredAny>(&pickle);
    }
}

#[test]
fn nothing_is_called() {
    for pickle in [
        &b"cos\nsystem\n(S'false'\ntR."[..],
        b"cposix\nsystem\nX\x05\0\0\0false\x85R.",
        b"(S'false'\nios\nsystem\n.",
        b"(cos\nsystem\nS'false'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x05false\x85R.",
        b"\x80\x04cbuiltins\neval\n\x8c\x031+1\x85\x81.",
    ] {
        let value: Value = from_slice(pickle).unwrap();
        assert!(matches!(value, Value::Object(_)), "{value:?}");
        let strict = Decoder::new().strict(true).from_slice::<Value>(pickle);
        assert!(matches!(strict, Err(Error::Foreign { .. })), "{strict:?}");
        // And what is written again is that call, as it came: no more.
        assert_eq!(from_slice::<Value>(&to_bytes(&value).unwrap()), Ok(value));
    }
}

#[test]
fn out_of_order() {
    for pickle in [
        &b"."[..],
        b"e.",
        b"a.",
        b"Na.",
        b"s.",
        b"NNs.",
        b"t.",
        b"\x85.",
        b"\x86.",
        b"N\x87.",
        b"R.",
        b"NNR.",
        b"cm\nn\nNR.",
        b"b.",
        b"NNb.",
        b"0.",
        b"1.",
        b"2.",
        b"q\0.",
        b"\x94.",
        b"o.",
        b"(o.",
        b"(No.",
        b"im\nn\n.",
        b"\x93.",
        b"NN\x93.",
        b"\x81.",
        b"\x92.",
        b"\x90.",
        b"](\x90.",
        b"}(Nu.",
        b"(Nd.",
        b"(.",
        b"N(.",
        b"N(a.",
        b"](Na.",
        b"N(1(.",
        b"cm\nn\n)R}b}b.",
        b"\x80\x06N.",
        b"X\x01\0\0\0\xff.",
        b"Sabc\n.",
        b"V\\u12\n.",
        b"Ix\n.",
        b"L\n.",
        b"Fabc\n.",
        b"cm\n\xff\n.",
        b"gx\n.",
        b"U\x01ax.",
    ] {
        let result = read::<Value>(pickle);
        assert!(
            matches!(result, Err(Error::Malformed { .. } | Error::Opcode { .. })),
            "{pickle:?}: {result:?}"
        );
    }
    for pickle in [&b""[..], b"N", b"\x80", b"J\0\0", b"I1", b"cm\n", b"S'abc'"] {
        truncated(pickle);
    }
    for opcode in [b'P', b'Q', 0x82, 0x83, 0x84, 0xff, 0, b' '] {
        let error = Error::Opcode { offset: 1, opcode };
        assert_eq!(from_slice::<Value>(&[b'N', opcode, 1, b'.']), Err(error));
    }
}

#[test]
fn every_beginning_of_a_pickle_is_cut_off() {
    let pickle =
        to_bytes(&HashMap::from([("key", (1, 2.5, "text", vec![None, Some(true)]))])).unwrap();
    for end in 0..pickle.len() {
        truncated(&pickle[..end]);
    }
}

/// A type that contains itself and takes nothing of the data.
#[test]
fn types_that_consume_nothing() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it has no value")]
    struct Newtype(Box<Newtype>);

    #[derive(Debug, Deserialize)]
    #[serde(transparent)]
    #[expect(dead_code, reason = "it has no value but one")]
    struct Optional(Option<Box<Optional>>);

    #[derive(Debug, Deserialize)]
    #[serde(transparent)]
    #[expect(dead_code, reason = "it has no value")]
    struct Answered(Result<Box<Answered>, Exception>);

    fn is_refused<T: DeserializeOwned + Debug>() {
        for pickle in [&b"K\x01."[..], b"](K\x01e."] {
            let error = from_slice::<T>(pickle).unwrap_err();
            assert!(matches!(error, Error::TooMuch { limit: Limit::Depth, .. }), "{error}");
        }
    }
    is_refused::<Newtype>();
    is_refused::<Optional>();
    is_refused::<Answered>();
    assert!(from_slice::<Optional>(b"N.").is_ok());
    // Nor of the elements of an array.
    const ARRAY: &[u8] = b"carray\narray\n(U\x01bC\x01\x05tR.";
    assert_eq!(from_slice(ARRAY), Ok(vec![5_u8]));
    from_slice::<Vec<Optional>>(ARRAY).unwrap_err();
    from_slice::<Vec<Newtype>>(ARRAY).unwrap_err();
}

/// What one object says is said again at each reference, and counts each time.
#[test]
fn shared_text_of_objects_counts() {
    let data = "x".repeat(ROW);
    let length = u32::try_from(ROW).unwrap().to_le_bytes();
    let user = b"ccollections\nUserString\n)\x81}X\x04\0\0\0dataX";
    let references = b"h\0".repeat(2000);
    let pickle =
        [&b"]("[..], user, &length, data.as_bytes(), b"sbq\0", &references, b"e."].concat();
    let error = from_slice::<Vec<String>>(&pickle).unwrap_err();
    assert!(matches!(error, Error::TooMuch { limit: Limit::Expansion, .. }), "{error}");

    // A key far behind others is not searched for.
    let fillers = b"NN".repeat(100);
    let late = [b"ccollections\nUserString\n)\x81}(", &fillers[..], b"U\x04dataU\x01xub."].concat();
    from_slice::<String>(&late).unwrap_err();
}
