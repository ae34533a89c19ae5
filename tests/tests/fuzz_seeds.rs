//! The bodies of the fuzz targets, over the committed seeds. Not among the core's unit tests, since
//! the published package has no `fuzz/`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// A target by its name in `fuzz/`, and its body.
fn targets() -> impl Iterator<Item = (&'static str, fn(&[u8]))> {
    let pickle: fn(&[u8]) = mpconn_pickle::fuzzing::pickle;
    mpconn::fuzzing::TARGETS.into_iter().chain([("pickle", pickle)])
}

fn directory(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(of)
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn every_committed_seed_passes() {
    for (name, body) in targets() {
        let directory = directory("seeds").join(name);
        let seeds = names_in(&directory);
        assert!(seeds.len() >= 5, "{name} has only {} seeds", seeds.len());
        for seed in seeds {
            body(&fs::read(directory.join(seed)).unwrap());
        }
    }
}

#[test]
fn every_body_has_its_target_and_seeds() {
    let mut names: Vec<_> = targets().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    assert_eq!(names_in(&directory("seeds")), names);
    let files: Vec<_> = names.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names_in(&directory("fuzz_targets")), files);
}
