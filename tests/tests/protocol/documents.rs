//! Every block of code in the documents is compiled or run: Rust by the documentation tests of
//! `mpconn_tests`, Python here, against a peer that sends back what it receives. Every link from one
//! document to another arrives.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mpconn_blocking::{AuthKey, ConnectOptions, Connection, Error, Listener};
use mpconn_tests::net::{fresh_path, scratch};
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;
use serde::Deserialize;

const KEY: &str = "a secret of 16 bytes or more";

/// What the blocks have, in place of which a socket's file is put.
const ADDRESS: &str = "('127.0.0.1', 6000)";

/// What documentation tests see of a document.
const INCLUDED: &str = include_str!("../../src/lib.rs");

struct Block {
    /// The document, from the root of the repository.
    document: String,
    language: String,
    code: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<_> = ["", "benches", "conformance", "docs", "fuzz"]
        .iter()
        .flat_map(|directory| fs::read_dir(root().join(directory)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.sort();
    documents
}

fn blocks() -> Vec<Block> {
    let mut blocks = vec![];
    for path in documents() {
        let document = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else { continue };
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let language = language.to_owned();
            blocks.push(Block { document: document.clone(), language, code: code.join("\n") });
        }
    }
    blocks
}

#[test]
fn no_block_is_left_out() {
    for Block { document, language, code } in blocks() {
        match language.as_str() {
            "python" => assert!(code.contains(ADDRESS), "{document}: it cannot be run\n{code}"),
            "rust" | "rust,no_run" => {
                let include = format!("include_str!(\"../../{document}\")");
                assert!(INCLUDED.contains(&include), "{document} is not among the included");
            }
            "console" => code.lines().for_each(|line| assert_command(&document, line)),
            "text" => {}
            other => panic!("{document} has a block of {other:?}, which nobody checks"),
        }
    }
}

/// A command names no file that is not here, and no package or program either.
fn assert_command(document: &str, line: &str) {
    let Some(command) = line.strip_prefix("$ ") else { return };
    let words: Vec<_> = command.split(' ').collect();
    for pair in words.windows(2) {
        let is_here = match pair[0] {
            "-p" | "--bin" | "--example" => has_name(pair[1]),
            _ if pair[1].contains('/') && !pair[1].starts_with(['~', '/', '-']) => {
                root().join(pair[1]).exists()
            }
            _ => true,
        };
        assert!(is_here, "{document}: {} of {command:?} is not here", pair[1]);
    }
    let program = root().join(words[0]);
    assert!(!words[0].contains('/') || program.exists(), "{document}: no {command:?}");
}

fn has_name(name: &str) -> bool {
    static METADATA: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let cargo = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .current_dir(root())
            .output()
            .unwrap();
        String::from_utf8(cargo.stdout).unwrap()
    });
    METADATA.contains(&format!("\"name\":\"{name}\""))
}

#[test]
fn links_arrive() {
    let mut followed = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (target, _) in targets.filter(|(target, _)| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let is_there = if heading.is_empty() {
                file.exists()
            } else {
                fs::read_to_string(&file).is_ok_and(|text| has_heading(&text, heading))
            };
            assert!(is_there, "{}: {target} is not there", path.display());
            followed += 1;
        }
    }
    assert!(followed > 10, "only {followed} links were found");
}

/// Whether a document has a heading that is linked to by these words with hyphens between.
fn has_heading(text: &str, linked: &str) -> bool {
    text.lines().filter_map(|line| line.strip_prefix('#')).any(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).eq(linked.chars())
    })
}

#[test]
fn python_blocks_run() {
    bounded(|| {
        let blocks: Vec<_> = blocks().into_iter().filter(|it| it.language == "python").collect();
        assert!(!blocks.is_empty());
        let all = pythons::all().iter().filter(|python| python.is_at_least(3, 0));
        for python in all {
            for block in &blocks {
                run(python, block);
            }
        }
    });
}

/// What the blocks with objects send, as they have it.
#[derive(Deserialize)]
struct Done {
    name: String,
    sizes: Vec<u32>,
}

/// Runs one block, which is a client or a listener, against its counterpart.
fn run(python: &Python, block: &Block) {
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let address = path.to_str().unwrap();
    let is_listener = block.code.contains("Listener(");
    let listener = (!is_listener).then(|| Listener::bind(address, AuthKey::new(KEY)).unwrap());
    let child = Command::new(&python.executable)
        .args(["-c", &block.code.replace(ADDRESS, &format!("{address:?}"))])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(mut listener) = listener {
        send_back(listener.accept_timeout(Duration::from_secs(20)).unwrap());
    } else {
        // Its file is there before it listens.
        let options = ConnectOptions::with_key(AuthKey::new(KEY)).retry(true);
        let mut connection = options.connect(address).unwrap();
        if block.code.contains("connection.recv()") {
            connection.send(&BTreeMap::from([("resize", "photo.png")])).unwrap();
            let Done { name, sizes } = connection.recv().unwrap();
            assert_eq!((name.as_str(), &sizes[..]), ("photo.png", &[64, 128][..]));
        } else {
            connection.send_bytes(b"hello").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"hello");
        }
    }
    let output = child.wait_with_output().unwrap();
    let about = format!("{}, {}:\n{}", block.document, python.name(), block.code);
    assert!(output.status.success(), "{about}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, if is_listener { "" } else { "b'hello'\n" }, "{about}");
}

fn send_back(mut connection: Connection) {
    loop {
        match connection.recv_bytes() {
            Ok(message) => connection.send_bytes(&message).unwrap(),
            Err(Error::Ended) => return,
            Err(error) => panic!("{error}"),
        }
    }
}
