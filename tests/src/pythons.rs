//! Which Pythons there are.
//!
//! Those of pyenv, and every `python2*` and `python3*` on the PATH, each minor version once. Where
//! [`EXPECTED`] names versions, as on CI, a missing one is a failure; elsewhere the tests take what
//! they find, and say so on one line.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The environment variable that names the versions that must be there: `2.7 3.6 3.13`.
pub const EXPECTED: &str = "MPCONN_EXPECT_PYTHONS";

/// A Python interpreter that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// Major, minor, micro.
    pub version: [u16; 3],
    /// The interpreter itself, no shim.
    pub executable: PathBuf,
}

impl Python {
    /// For messages: `Python 3.11.7`.
    pub fn name(&self) -> String {
        let [major, minor, micro] = self.version;
        format!("Python {major}.{minor}.{micro}")
    }

    /// Whether it is of this version or later.
    pub fn is_at_least(&self, major: u16, minor: u16) -> bool {
        self.version >= [major, minor, 0]
    }
}

/// Every interpreter to test against, oldest first. The first call prints which ones.
pub fn all() -> &'static [Python] {
    static FOUND: OnceLock<Vec<Python>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = find();
        let names: Vec<_> = found.iter().map(Python::name).collect();
        announce(&match names.as_slice() {
            [] => "no Python here: the tests that need one do nothing".to_owned(),
            names => format!("talking to {}", names.join(", ")),
        });
        let expected = env::var(EXPECTED).unwrap_or_default();
        let missing = missing(&found, &expected);
        assert!(missing.is_empty(), "{EXPECTED} names Pythons that are not here: {missing:?}");
        found
    })
}

/// Whether this run is one where nothing may be left out.
pub fn are_expected() -> bool {
    env::var_os(EXPECTED).is_some()
}

/// One line to the terminal, which the test harness does not hold back.
pub fn announce(line: &str) {
    let binary = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let stem = binary.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let test = stem.rsplit_once('-').map_or(stem.as_str(), |(test, _)| test);
    // A terminal that has gone is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{test}: {line}");
}

fn missing<'a>(found: &[Python], expected: &'a str) -> Vec<&'a str> {
    let is_missing = |wanted: &&str| {
        !found.iter().any(|python| {
            let [major, minor, micro] = python.version;
            [format!("{major}.{minor}"), format!("{major}.{minor}.{micro}")]
                .iter()
                .any(|version| version == wanted)
        })
    };
    expected.split_whitespace().filter(is_missing).collect()
}

fn find() -> Vec<Python> {
    let mut found = BTreeMap::new();
    for candidate in candidates() {
        if let Some(python) = ask(&candidate) {
            let [major, minor, _] = python.version;
            found.entry([major, minor]).or_insert(python);
        }
    }
    found.into_values().collect()
}

/// pyenv's first: its shims on the PATH stand for one of them, and may stand for none.
fn candidates() -> Vec<PathBuf> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    let versions = root.map(|root| list(&root.join("versions"))).unwrap_or_default();
    let python = if cfg!(windows) { "python.exe" } else { "bin/python" };
    let mut candidates: Vec<_> = versions.iter().map(|path| path.join(python)).collect();
    for directory in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        candidates.extend(list(&directory).into_iter().filter(|path| {
            path.file_name().is_some_and(|name| is_interpreter(&name.to_string_lossy()))
        }));
    }
    candidates
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// `python3`, `python3.11`, `python2`; not `python3-config`.
fn is_interpreter(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|version| {
        version.starts_with(['2', '3']) && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

fn ask(candidate: &Path) -> Option<Python> {
    const QUESTION: &str = "import sys; print('%d %d %d' % sys.version_info[:3]); \
                            print(sys.executable)";
    let output =
        Command::new(candidate).args(["-c", QUESTION]).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let numbers: Option<Vec<u16>> =
        lines.next()?.split(' ').map(|number| number.parse().ok()).collect();
    let executable = OsString::from(lines.next()?).into();
    Some(Python { version: numbers?.try_into().ok()?, executable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_missing() {
        let found = [Python { version: [3, 11, 7], executable: "python3".into() }];
        assert_eq!(missing(&found, ""), Vec::<&str>::new());
        assert_eq!(missing(&found, "3.11 3.11.7"), Vec::<&str>::new());
        assert_eq!(missing(&found, "2.7 3.11 3.11.6 3.1"), ["2.7", "3.11.6", "3.1"]);
    }

    #[test]
    fn knows_interpreters_by_their_names() {
        for name in ["python3", "python2", "python3.11", "python2.7"] {
            assert!(is_interpreter(name), "{name}");
        }
        for name in ["python", "python3-config", "python3.11-gdb", "pythonw3", "ipython3"] {
            assert!(!is_interpreter(name), "{name}");
        }
    }
}
