//! What real CPythons did, as `vectors/record.py` recorded it, against what mpconn does.
//!
//! Where it deliberately does otherwise, the test says so, and counts how often.

use std::convert::Infallible;
use std::path::Path;

use mpconn::{
    AuthError, CLIENT_MARK, Dialect, Digest, Event, Extended, FrameError, Framer, Handshake,
    Policy, RecvBuffer, Role, Transmit,
};
use rand_core::{TryCryptoRng, TryRng};

/// One line of a file: its fields, and the CPythons that it was recorded from.
struct Vector {
    line: String,
    fields: Vec<String>,
    origins: Vec<Origin>,
}

#[derive(PartialEq, PartialOrd)]
struct Origin {
    version: (u32, u32),
    patched: bool,
}

impl Vector {
    fn bytes(&self, field: usize) -> Vec<u8> {
        unhex(&self.fields[field])
    }

    /// Whether this or a later version did so.
    fn since(&self, first: (u32, u32)) -> bool {
        self.origins.iter().any(|origin| origin.version >= first)
    }

    fn patched(&self) -> bool {
        self.origins.iter().any(|origin| origin.patched)
    }

    /// Takes whatever that CPython took.
    fn policy(&self) -> Policy {
        let policy = Policy::COMPAT.allow_empty_key();
        if self.patched() { policy.raw_sha256() } else { policy }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn vectors(name: &str, at_least: usize) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/vectors").join(name);
    let text = std::fs::read_to_string(&path).expect("the vectors are in the repository");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let vectors: Vec<_> = lines.map(parse).collect();
    assert!(vectors.len() >= at_least, "{name} has only {} vectors", vectors.len());
    vectors
}

fn parse(line: &str) -> Vector {
    let mut fields: Vec<_> = line.split(' ').map(str::to_owned).collect();
    let origins = fields.pop().expect("every line has fields");
    let origins = origins.split(',').map(|origin| {
        let (version, patched) = match origin.strip_suffix("+sha256") {
            Some(version) => (version, true),
            None => (origin, false),
        };
        let mut numbers = version.split('.').map(|number| number.parse().expect("a version"));
        let mut number = || numbers.next().expect("a version");
        Origin { version: (number(), number()), patched }
    });
    Vector { line: line.to_owned(), origins: origins.collect(), fields }
}

/// A generator that gives just these bytes.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("a nonce is drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("a nonce is drawn as bytes")
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        let drawn: Vec<_> = self.0.drain(..into.len()).collect();
        into.copy_from_slice(&drawn);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

#[test]
fn answers() {
    let mut marked = 0;
    for vector in vectors("answers.txt", 270) {
        let (key, challenge) = (vector.bytes(0), vector.bytes(1));
        let expected = (vector.fields[2] != "error").then(|| vector.bytes(2));
        let line = &vector.line;
        let verified = expected.as_deref().map(|response| {
            mpconn::fuzzing::verify(&key, &vector.policy(), &challenge, response)
                .expect("it is right")
        });
        // Up to 3.11 there is one answer to everything. We give it where a legacy listener may
        // have asked, and take it whatever we asked.
        let legacy = if vector.patched() { Dialect::RawSha256 } else { Dialect::RawMd5 };
        if !vector.since((3, 12)) {
            assert_eq!(verified, Some(legacy), "{line}");
            if challenge.len() != 20 {
                continue;
            }
        }
        let ours = mpconn::fuzzing::respond(&key, Role::Listener, &vector.policy(), &challenge);
        assert_eq!(ours.as_ref().ok().map(|(bytes, _)| bytes.as_ref()), expected.as_deref());
        assert_eq!(ours.as_ref().ok().map(|(_, dialect)| *dialect), verified, "{line}");
        if challenge.len() == 20 {
            assert_eq!(verified, Some(legacy), "{line}");
        }

        // The same by way of the handshake, in both roles.
        let answer = |role| answer(&key, role, &vector.policy(), &challenge);
        assert_eq!(answer(Role::Listener).ok(), expected, "{line}");
        if challenge.ends_with(&CLIENT_MARK) {
            marked += 1;
            assert_eq!(answer(Role::Client), Err(AuthError::Reflected), "{line}");
        } else {
            assert_eq!(answer(Role::Client).ok(), expected, "{line}");
        }
    }
    assert_eq!(marked, 5, "each digest with the client's mark");
}

fn answer(key: &[u8], role: Role, policy: &Policy, challenge: &[u8]) -> Result<Vec<u8>, AuthError> {
    let rng = &mut Fixed(vec![7; 40]);
    let start = Handshake::answering(key, role, policy, rng).expect("the policy takes any key");
    let Handshake::Receive(step) = start else { panic!("the peer begins") };
    let Handshake::Send(step) = step.receive(&[b"#CHALLENGE#", challenge].concat())? else {
        panic!("it answers")
    };
    let response = step.message().to_vec();
    let Handshake::Receive(step) = step.sent()? else { panic!("it waits for the verdict") };
    assert!(matches!(step.receive(b"#WELCOME#"), Ok(Handshake::Done(_))));
    Ok(response)
}

#[test]
fn verdicts() {
    let (mut raw_sha256, mut raw_md5) = (0, 0);
    for vector in vectors("verdicts.txt", 155) {
        let (key, challenge, response) = (vector.bytes(0), vector.bytes(1), vector.bytes(2));
        let welcome = vector.fields[3] == "welcome";
        let line = &vector.line;
        let ours = mpconn::fuzzing::verify(&key, &vector.policy(), &challenge, &response);
        match ours {
            Ok(Dialect::RawSha256) if !vector.patched() => {
                raw_sha256 += 1;
                assert!(!welcome, "a dialect that no CPython of python.org takes: {line}");
                continue;
            }
            Ok(Dialect::RawMd5) if vector.patched() => {
                raw_md5 += 1;
                assert!(!welcome, "a dialect that the RHEL family's do not take: {line}");
                continue;
            }
            verdict => assert_eq!(verdict.is_ok(), welcome, "{line}"),
        }

        // The same by way of the handshake, which can make all challenges but legacy ones.
        let named = |digest: &Digest| challenge.starts_with(format!("{{{digest}}}").as_bytes());
        let Some(digest) = Digest::ALL.into_iter().find(named) else {
            assert_eq!(challenge.len(), 20, "{line}");
            assert!(!vector.since((3, 12)), "{line}");
            continue;
        };
        let nonce = challenge[digest.name().len() + 2..].to_vec();
        let policy = vector.policy().challenge_with(digest);
        let verdict = deliver(&key, &policy, nonce, &challenge, &response);
        assert_eq!(verdict.is_ok(), welcome, "{line}");
        assert_eq!(verdict, ours, "{line}");
    }
    assert_eq!((raw_sha256, raw_md5), (1, 1), "one vector each for what is recognised besides");
}

fn deliver(
    key: &[u8],
    policy: &Policy,
    nonce: Vec<u8>,
    challenge: &[u8],
    response: &[u8],
) -> Result<Dialect, AuthError> {
    let start = Handshake::delivering(key, Role::Listener, policy, &mut Fixed(nonce));
    let Handshake::Send(step) = start.expect("the policy takes any key") else {
        panic!("it begins")
    };
    assert_eq!(step.message(), [b"#CHALLENGE#", challenge].concat());
    let Handshake::Receive(step) = step.sent()? else { panic!("it waits for the response") };
    let Handshake::Send(step) = step.receive(response)? else { panic!("the peer is told") };
    let verdict = if step.failure().is_some() { &b"#FAILURE#"[..] } else { b"#WELCOME#" };
    assert_eq!(step.message(), verdict);
    match step.sent()? {
        Handshake::Done(dialect) => Ok(dialect),
        unfinished => panic!("{unfinished:?}"),
    }
}

#[test]
fn headers() {
    for vector in vectors("headers.txt", 37) {
        let length: usize = vector.fields[0].parse().expect("a length");
        let line = &vector.line;
        let old_only = !vector.since((3, 8));
        if vector.fields[1] == "error" {
            assert!(old_only, "{line}");
            assert!(Transmit::new(length, Extended::Refuse).is_err(), "{line}");
            continue;
        }
        let header = vector.bytes(1);
        let transmit = Transmit::new(length, Extended::Allow).expect("nothing is refused");
        assert_eq!(transmit.header(), header, "{line}");
        assert_eq!(Transmit::new(length, Extended::Refuse).is_ok(), header.len() == 4, "{line}");

        let event = match length {
            0 => Event::Frame(4..4),
            length => Event::Begin(length as u64),
        };
        assert_eq!(Framer::new(u64::MAX, 0).next(&header), Ok((header.len(), event)), "{line}");
    }
}

#[test]
fn streams() {
    let mut negative = 0;
    for vector in vectors("streams.txt", 53) {
        let stream = vector.bytes(0);
        let max = if vector.fields[1] == "none" { Ok(u64::MAX) } else { vector.fields[1].parse() };
        let max = max.expect("a limit");
        let expected: Vec<_> = match &vector.fields[2][..] {
            "none" => vec![],
            messages => messages.split(',').map(unhex).collect(),
        };
        let line = &vector.line;
        if !vector.since((3, 8)) {
            // Facts 1 to 3: before 3.8, all of these are read in some other way.
            assert!(stream[0] & 0x80 != 0, "{line}");
            continue;
        }
        for inline in [0, 4, 300] {
            let (messages, end) = receive(&stream, max, inline);
            let end = match end {
                Err(FrameError::InvalidLength(_)) => {
                    // Facts 3: CPython reads an empty message, and goes on.
                    negative += 1;
                    assert_eq!((&messages[..], &expected[0][..]), (&[][..], &b""[..]), "{line}");
                    continue;
                }
                Ok(()) => "eof",
                // Facts 5: CPython cannot tell an end from one right behind (half) a header.
                Err(FrameError::TruncatedPayload { missing })
                    if stream.ends_with(&missing.to_be_bytes()[4..]) =>
                {
                    "eof"
                }
                Err(FrameError::TruncatedHeader) if stream == [0xff; 4] => "eof",
                Err(FrameError::TruncatedHeader | FrameError::TruncatedPayload { .. }) => {
                    "truncated"
                }
                Err(FrameError::TooLong { .. }) => "too-long",
                other => panic!("{other:?} for {line}"),
            };
            assert_eq!((messages, end), (expected.clone(), &vector.fields[3][..]), "{line}");
        }
    }
    assert_eq!(negative, 2 * 3, "-2 and INT_MIN");
}

/// The messages of a stream, by way of the framer, and by way of the receive buffer.
fn receive(stream: &[u8], max: u64, inline: usize) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let mut framer = Framer::new(max, inline);
    let (mut messages, mut partial, mut rest) = (vec![], vec![], stream);
    let end = loop {
        let (used, event) = match framer.next(rest) {
            Ok(found) => found,
            Err(error) => break Err(error),
        };
        match event {
            Event::Frame(range) => messages.push(rest[range].to_vec()),
            Event::Begin(_) => {}
            Event::Chunk { data, left } => {
                partial.extend_from_slice(&rest[data]);
                if left == 0 {
                    messages.push(std::mem::take(&mut partial));
                }
            }
            Event::Need(_) => break framer.eof(rest),
        }
        rest = &rest[used..];
    };
    assert_eq!(receive_with_buffer(stream, max), (messages.clone(), end));
    (messages, end)
}

fn receive_with_buffer(stream: &[u8], max: u64) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let mut recv = RecvBuffer::new(max);
    let (mut messages, mut rest) = (vec![], stream);
    loop {
        match recv.poll() {
            Ok(true) => messages.push(recv.take()),
            Ok(false) if rest.is_empty() => return (messages, recv.eof()),
            Ok(false) => {
                let space = recv.read_buf().into_slice();
                let n = space.len().min(rest.len());
                space[..n].copy_from_slice(&rest[..n]);
                recv.advance(n);
                rest = &rest[n..];
            }
            Err(error) => return (messages, Err(error)),
        }
    }
}
