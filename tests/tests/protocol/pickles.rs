//! Pickles of every Python and protocol, read here and compared; written here, read and compared
//! there. Both sides describe what they see in the same words.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::{BTreeSet, HashSet};
use std::process::Command;

use mpconn_pickle::{
    Class, Decoder, Encoder, Error, Global, Limit, Object, Protocol, Value, View, from_slice,
};
use mpconn_tests::python::{Script, bytes, hex};
use mpconn_tests::pythons::{self, Python};
use serde::de::IgnoredAny;

const SEED: &[u8] = b"1";

/// What no standard pickler writes, and what stands for what only a program knows.
const UNREACHED: [&str; 10] = [
    "BINBYTES8",
    "BINPERSID",
    "BINUNICODE8",
    "DUP",
    "EXT1",
    "EXT2",
    "EXT4",
    "NEXT_BUFFER",
    "PERSID",
    "READONLY_BUFFER",
];

#[test]
fn every_python_reads_and_is_read() {
    let mut reached = BTreeSet::new();
    let ends = [pythons::all().first(), pythons::all().last()];
    for python in pythons::all() {
        // Those between write no opcode that neither of these does.
        let is_end = ends.contains(&Some(python));
        let mut script = Script::start(python, "pickles.py");
        let (mut read, mut written, mut agreed) = (0, 0, 0);
        let mut seen = HashSet::new();
        for (pickle, description) in generated(&mut script, SEED) {
            if is_end {
                script.order("opcodes", &pickle);
                reached.extend(script.told("opcodes").split(' ').map(str::to_owned));
            }
            if description == "recursive" {
                from_slice::<IgnoredAny>(&pickle).unwrap();
                let result = from_slice::<Value>(&pickle);
                assert!(matches!(result, Err(Error::TooMuch { limit: Limit::Depth, .. })));
                let pickle = Decoder::new().parse(&pickle).unwrap();
                assert!(is_within_itself(pickle.root()), "{}", python.name());
                continue;
            }
            let value: Value = from_slice(&pickle)
                .unwrap_or_else(|error| panic!("{error}: {description} by {}", python.name()));
            assert_eq!(describe(&value), description, "{}", python.name());
            read += 1;
            agreed += u32::from(is_plain(&value) && oracle_agrees(&pickle, &description));
            if !seen.insert(description.clone()) {
                continue;
            }
            for &protocol in protocols(python) {
                // Keywords are only for protocol 4.
                if protocol == Protocol::V2 && description == "object Keywords dict{}" {
                    continue;
                }
                let pickle = Encoder::new().protocol(protocol).to_bytes(&value).unwrap();
                assert_eq!(
                    from_slice::<Value>(&pickle).map(|value| describe(&value)).unwrap(),
                    description
                );
                script.order("loads", &pickle);
                let told = script.line();
                assert_eq!(told, format!("is {description}"), "{protocol:?} {}", python.name());
                written += 1;
            }
        }
        script.go();
        pythons::announce(&format!(
            "{}: {read} pickles read, {agreed} of them as serde-pickle does, {written} written",
            python.name()
        ));
        assert!(agreed > read / 10, "the oracle says something");
    }
    let [Some(oldest), Some(newest)] = ends else { return };
    if oldest.version < [3, 0, 0] && newest.is_at_least(3, 8) {
        let unreached: Vec<_> = opcodes(newest).difference(&reached).cloned().collect();
        assert_eq!(unreached, UNREACHED);
    }
}

fn is_within_itself(root: View<'_, '_>) -> bool {
    let (mut seen, mut next) = (HashSet::new(), vec![root]);
    while let Some(view) = next.pop() {
        if seen.insert(view) {
            next.extend(view.referents());
        } else if view == root {
            return true;
        }
    }
    false
}

/// The names of all opcodes that there are.
fn opcodes(python: &Python) -> BTreeSet<String> {
    let script = "import pickletools; print(*(code.name for code in pickletools.opcodes))";
    let output = Command::new(&python.executable).args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

fn protocols(python: &Python) -> &'static [Protocol] {
    match python.version {
        [2, ..] => &[Protocol::V2],
        [3, ..=7, _] => &[Protocol::V2, Protocol::V4],
        _ => &[Protocol::V2, Protocol::V4, Protocol::V5],
    }
}

fn generated(script: &mut Script, seed: &[u8]) -> Vec<(Vec<u8>, String)> {
    script.order("generate", seed);
    let mut all = Vec::new();
    loop {
        let line = script.line();
        if line == "end" {
            return all;
        }
        let mut words = line.splitn(4, ' ');
        let (word, _protocol) = (words.next().unwrap(), words.next().unwrap());
        assert_eq!(word, "pickle");
        let pickle = bytes(words.next().unwrap());
        all.push((pickle, words.next().unwrap().to_owned()));
    }
}

/// Whether it has no objects: serde-pickle has none.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Global(_) => false,
        Value::Tuple(items) | Value::List(items) => items.iter().all(is_plain),
        Value::Set(items) | Value::FrozenSet(items) => items.iter().all(is_plain),
        Value::Dict(pairs) => pairs.iter().all(|(key, value)| is_plain(key) && is_plain(value)),
        _ => true,
    }
}

/// Whether serde-pickle reads it too, and sees the same.
///
/// # Panics
///
/// When it sees something else.
fn oracle_agrees(pickle: &[u8], description: &str) -> bool {
    let options = serde_pickle::DeOptions::new().decode_strings();
    let Ok(value) = serde_pickle::value_from_slice(pickle, options) else { return false };
    let theirs: Value =
        from_slice(&serde_pickle::value_to_vec(&value, Default::default()).unwrap()).unwrap();
    // It has no bytearrays.
    assert_eq!(describe(&theirs), description.replace('B', "b"));
    true
}

fn describe(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) if *number < 0 => format!("i-{:#x}", number.unsigned_abs()),
        Value::Int(number) => format!("i{number:#x}"),
        Value::Long(number) => format!("i{number}"),
        Value::Float(number) => format!("f{}", real(*number)),
        Value::Complex(re, im) => format!("c{},{}", real(*re), real(*im)),
        Value::Str(text) => format!("s{}", hex(text.as_bytes())),
        Value::Surrogates(bytes) => format!("s{}", hex(bytes)),
        Value::Bytes(bytes) => format!("b{}", hex(bytes)),
        Value::ByteArray(bytes) => format!("B{}", hex(bytes)),
        Value::Tuple(items) => row("tuple", items),
        Value::List(items) => row("list", items),
        Value::Set(items) => heap("set", items),
        Value::FrozenSet(items) => heap("frozenset", items),
        Value::Dict(items) => format!("dict{}", pairs(items)),
        Value::Global(global) => format!("global {}.{}", global.module, global.name),
        Value::Object(object) => describe_object(object, value),
        other => panic!("a kind of value that the test does not know: {other:?}"),
    }
}

fn describe_object(object: &Object, value: &Value) -> String {
    let Some(Global { module, name }) = object.class.as_global() else {
        return format!("object {} dict{{}}", made_with_keywords(object));
    };
    match (module.as_str(), name.as_str()) {
        ("collections", "OrderedDict" | "defaultdict" | "Counter") => {
            name.clone() + &pairs(&object.pairs)
        }
        ("collections", "deque") => row("deque", &object.items),
        ("datetime", "timedelta") => format!("timedelta{}", row("tuple", &object.args)),
        ("datetime" | "decimal" | "uuid" | "fractions" | "pathlib" | "pathlib._local", _) => {
            format!("{name} {}", hex(value.to::<String>().unwrap().as_bytes()))
        }
        ("copyreg", "_reconstructor") => {
            let [Value::Global(class), _, content] = object.args.as_slice() else {
                panic!("{object:?}")
            };
            format!("object {} {}", class.name, describe(content))
        }
        _ if !object.pairs.is_empty() => format!("object {name} {}", pairs(&object.pairs)),
        _ if !object.items.is_empty() => format!("object {name} {}", row("list", &object.items)),
        _ => match &object.state {
            Some(Value::Tuple(both)) => format!("object {name} {}", describe(&both[1])),
            Some(state) => format!("object {name} {}", describe(state)),
            None if object.args.is_empty() => format!("object {name} dict{{}}"),
            None => format!("object {name} {}", row("tuple", &object.args)),
        },
    }
}

/// The name of the class in `partial(cls.__new__, cls, **keywords)()`, which is how protocols 2 and 3
/// call one by keywords.
fn made_with_keywords(object: &Object) -> &str {
    let Class::Object(partial) = &object.class else { panic!("{object:?}") };
    let Some(Value::Tuple(state)) = &partial.state else { panic!("{object:?}") };
    let [_, Value::Tuple(args), Value::Dict(_), _] = state.as_slice() else { panic!("{object:?}") };
    let [Value::Global(class)] = args.as_slice() else { panic!("{object:?}") };
    assert!(partial.class.is("functools", "partial"));
    &class.name
}

fn row(name: &str, items: &[Value]) -> String {
    let parts: Vec<_> = items.iter().map(describe).collect();
    format!("{name}({})", parts.join(" "))
}

fn heap(name: &str, items: &[Value]) -> String {
    let mut parts: Vec<_> = items.iter().map(describe).collect();
    parts.sort();
    format!("{name}({})", parts.join(" "))
}

fn pairs(pairs: &[(Value, Value)]) -> String {
    let pair = |(key, value): &(Value, Value)| format!("{}:{}", describe(key), describe(value));
    let mut parts: Vec<_> = pairs.iter().map(pair).collect();
    parts.sort();
    format!("{{{}}}", parts.join(" "))
}

fn real(number: f64) -> String {
    // Text has no sign for it, and no other bits.
    if number.is_nan() { "nan".to_owned() } else { hex(&number.to_be_bytes()) }
}
