use std::path::Path;
use std::string::String;
use std::{format, fs};

use proptest::prelude::*;

use super::attacked::handshake;
use super::*;
use crate::Role;

/// A target by its name in `fuzz/`, and its body.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 8] = [
    ("framer", framer),
    ("split", split),
    ("operations", operations),
    ("handshake_listener", handshake_listener),
    ("handshake_client", handshake_client),
    ("pair", pair),
    ("exchange", exchange),
    ("addresses", addresses),
];

fn directory(of: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(of)
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
    for (name, body) in TARGETS {
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
    let mut names = TARGETS.map(|(name, _)| String::from(name));
    names.sort();
    assert_eq!(names_in(&directory("seeds")), names);
    let files = names.map(|name| format!("{name}.rs"));
    assert_eq!(names_in(&directory("fuzz_targets")), files);
}

/// A target that never gets to the end would find little.
#[test]
fn the_data_can_play_an_honest_peer() {
    for (nth, dialect) in (0..).zip(dialects()) {
        let response: &[u8] = &[4 + nth];
        let (challenge, welcome) = ([&[11, 1, 40][..], &[7; 40]].concat(), &[0][..]);
        let choices: &[u8] = &[0, 0];
        let by_client = [choices, response, &challenge, welcome].concat();
        let by_listener = [choices, &challenge, welcome, response].concat();
        for (role, data) in [(Role::Listener, by_client), (Role::Client, by_listener)] {
            let proof = handshake(role, &data).expect("it passes");
            assert_eq!(proof.peer(), dialect);
            assert_eq!(proof.own(), Dialect::Prefixed(Digest::Sha256));
        }
    }
}

proptest! {
    #[test]
    fn any_data_passes(data: Vec<u8>) {
        for (_, body) in TARGETS {
            body(&data);
        }
    }
}
