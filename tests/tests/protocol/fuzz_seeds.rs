//! The bodies of the fuzz targets over the seeds, which `fuzz/make_seeds.py` writes, and over the
//! inputs in `fuzz/regressions`. Here and not in the core, because the published package has no
//! `fuzz/`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mpconn_tests::net::scratch;
use mpconn_tests::pythons;

/// A target by its name in `fuzz/`, and its body.
fn targets() -> impl Iterator<Item = (&'static str, fn(&[u8]))> {
    let pickle: fn(&[u8]) = mpconn_pickle::fuzzing::pickle;
    let managers: fn(&[u8]) = mpconn_managers::fuzzing::messages;
    mpconn::fuzzing::TARGETS.into_iter().chain([("pickle", pickle), ("managers", managers)])
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn paths_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_seed_passes() {
    let Some(python) = pythons::all().last().filter(|python| python.is_at_least(3, 6)) else {
        return;
    };
    let scratch = scratch();
    let script = fuzz().join("make_seeds.py");
    let made = Command::new(&python.executable).arg("-B").arg(script).arg(scratch.path()).status();
    assert!(made.unwrap().success());
    for (name, body) in targets() {
        let seeds = paths_in(&scratch.path().join(name));
        assert!(seeds.len() >= 5, "{name} has only {} seeds", seeds.len());
        seeds.iter().for_each(|seed| body(&fs::read(seed).unwrap()));
    }
    let directories = paths_in(scratch.path()).into_iter().filter(|path| path.is_dir()).count();
    assert_eq!(directories, targets().count(), "seeds of no target");
}

#[test]
fn every_regression_passes() {
    let mut inputs = 0;
    for directory in paths_in(&fuzz().join("regressions")) {
        let (_, body) = targets().find(|(name, _)| directory.ends_with(name)).unwrap();
        for input in paths_in(&directory) {
            body(&fs::read(input).unwrap());
            inputs += 1;
        }
    }
    assert!(inputs > 0);
}

#[test]
fn every_body_has_its_target() {
    let mut expected: Vec<_> = targets().map(|(name, _)| format!("{name}.rs")).collect();
    expected.sort();
    let files = paths_in(&fuzz().join("fuzz_targets"));
    let mut files: Vec<_> =
        files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    files.sort_unstable();
    assert_eq!(files, expected);
}
