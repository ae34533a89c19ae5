//! Objects of every kind, sent by every Python, and read as every type: it is the right value, or an
//! error, and never something else.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mpconn_pickle::{Bytes, Error, Exception, Global, Reply, Value, from_slice};
use mpconn_tests::python::bytes;
use mpconn_tests::pythons;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// The environment variable that names directories of virtual environments, each with the libraries in
/// its file `libraries.txt`.
pub(crate) const LIBRARIES: &str = "MPCONN_LIBRARIES";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Named {
    x: i64,
    n: String,
}

/// A dict that holds a value twice, in a list, and something else.
#[derive(Debug, Serialize, Deserialize)]
struct Holder<T> {
    twice: [T; 2],
    other: i64,
}

#[derive(Debug, Deserialize)]
struct Other {
    other: i64,
}

type Read = fn(&[u8]) -> Result<Json, Error>;

/// A name, the type itself, and a [`Holder`] of it.
type Target = (&'static str, Read, Read);

const fn target<T: Serialize + DeserializeOwned>(name: &'static str) -> Target {
    (name, read::<T>, read::<Holder<T>>)
}

const TARGETS: [Target; 10] = [
    target::<i64>("int"),
    target::<f64>("float"),
    target::<String>("text"),
    target::<Data>("data"),
    target::<Vec<i64>>("ints"),
    target::<Vec<String>>("texts"),
    target::<Vec<f64>>("floats"),
    target::<(i64, String)>("pair"),
    target::<Named>("named"),
    target::<BTreeMap<String, i64>>("counts"),
];

/// Bytes, which JSON has as numbers.
#[derive(Serialize)]
struct Data(Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Bytes::deserialize(deserializer)?.0))
    }
}

fn read<T: Serialize + DeserializeOwned>(pickle: &[u8]) -> Result<Json, Error> {
    Ok(serde_json::to_value(from_slice::<T>(pickle)?).unwrap())
}

/// A value in one protocol, and what Python says that it is.
struct Sent {
    name: String,
    pickle: Vec<u8>,
    /// Of a [`Holder`] of the value.
    holder: Vec<u8>,
    right: BTreeMap<String, (bool, Json)>,
}

#[test]
fn every_python_and_type() {
    for python in pythons::all() {
        let sent = sent(&python.executable, &[]);
        check(&python.name(), &sent);
    }
}

#[test]
fn objects_of_libraries() {
    for directory in environments() {
        let libraries = std::fs::read_to_string(directory.join("libraries.txt")).unwrap();
        let libraries: Vec<_> = libraries.split_whitespace().collect();
        let sent = sent(&directory.join("bin/python"), &libraries);
        check(&format!("{}", directory.display()), &sent);
    }
}

/// The directories that [`LIBRARIES`] names.
///
/// # Panics
///
/// Panics where Pythons are expected and it names none, as on CI.
pub(crate) fn environments() -> Vec<PathBuf> {
    if let Some(directories) = env::var_os(LIBRARIES) {
        return env::split_paths(&directories).collect();
    }
    assert!(!pythons::are_expected(), "{LIBRARIES} names no virtual environments");
    pythons::announce(&format!("no libraries of Python: {LIBRARIES} asks for them"));
    Vec::new()
}

fn check(who: &str, sent: &[Sent]) {
    let (mut right, mut refused) = (0, 0);
    let mut wrong = BTreeSet::new();
    for Sent { name, pickle, holder, right: expected } in sent {
        // Whatever it is, it can be skipped and seen.
        from_slice::<IgnoredAny>(pickle).unwrap();
        assert_eq!(from_slice::<Other>(holder).unwrap().other, 5, "{name}");
        if let Err(error) = from_slice::<Value>(pickle) {
            wrong.insert(format!("{name} as a Value: {error}"));
        }
        for (target, read, read_holder) in TARGETS {
            let value = read(pickle);
            match (&value, read_holder(holder)) {
                (Ok(value), Ok(held)) if held == json!({"twice": [value, value], "other": 5}) => {}
                (Err(Error::Mismatch(_)), Err(Error::Mismatch(error)))
                    if error.path().starts_with("twice[0]") => {}
                (_, held) => {
                    wrong.insert(format!("{name} twice as {target}: {held:?}, alone {value:?}"));
                }
            }
            match (value, expected.get(target)) {
                (Ok(read), Some((_, expected))) if read == *expected => right += 1,
                (Ok(read), expected) => {
                    let expected = expected.map(|(_, expected)| expected);
                    wrong.insert(format!("{name} as {target}: {read}, and not {expected:?}"));
                }
                (Err(error), Some((true, _))) => {
                    wrong.insert(format!("{name} as {target}: {error}"));
                }
                (Err(Error::Mismatch(_)), _) => refused += 1,
                (Err(error), _) => {
                    wrong.insert(format!("{name} as {target}: {error:?}"));
                }
            }
        }
    }
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{who}:\n{}", wrong.join("\n"));
    assert!(right > sent.len(), "there are more right values than objects");
    pythons::announce(&format!("{who}: {right} objects read as what they are, {refused} refused"));
}

/// What a worker of a pool answers is the exception that was raised in it, with its traceback.
fn check_raised(line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let [sender, _protocol, pickle] = words[..] else { panic!("{line}") };
    let pickle = bytes(pickle);
    let (job, position, (went_well, error)): (u32, u32, (bool, Exception)) =
        from_slice(&pickle).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!((job, position, went_well), (3, 0, false));
    assert_eq!(error.class, Global::new("builtins", "KeyError"), "{line}");
    assert_eq!(error.args, ["x".into(), "boom".into()]);
    let traceback = error.traceback.as_ref().map_or("", |traceback| traceback.as_str());
    assert_eq!(
        sender != "plain",
        traceback.contains("Traceback (most recent call last)"),
        "{line}"
    );
    // A report that shows causes shows it.
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert_eq!(cause, traceback.trim());
    // The same as a reply, and never as the value that was asked for.
    let reply: (u32, u32, (bool, Reply<String>)) = from_slice(&pickle).unwrap();
    assert_eq!(reply.2.1.into_result(), Err(error));
    from_slice::<(u32, u32, (bool, Vec<Value>))>(&pickle).unwrap_err();
    from_slice::<(u32, u32, (bool, BTreeMap<String, Value>))>(&pickle).unwrap_err();
}

fn sent(executable: &Path, libraries: &[&str]) -> Vec<Sent> {
    let script = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/python/contents.py"));
    let mut child = Command::new(executable)
        .arg("-B")
        .arg(script)
        .args(libraries)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut all: Vec<Sent> = Vec::new();
    let mut is_complete = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "value" => {
                let mut parts = rest.split(' ');
                let mut next = || parts.next().unwrap();
                let name = format!("{} in protocol {}", next(), next());
                let (pickle, holder) = (bytes(next()), bytes(next()));
                all.push(Sent { name, pickle, holder, right: BTreeMap::new() });
            }
            "may" | "must" => {
                let (target, value) = rest.split_once(' ').unwrap();
                assert!(TARGETS.iter().any(|(name, ..)| *name == target), "{target}");
                let right = (word == "must", serde_json::from_str(value).unwrap());
                all.last_mut().unwrap().right.insert(target.to_owned(), right);
            }
            "raised" => check_raised(rest),
            "end" => is_complete = true,
            other => panic!("{other}"),
        }
    }
    assert!(child.wait().unwrap().success() && is_complete);
    all
}
