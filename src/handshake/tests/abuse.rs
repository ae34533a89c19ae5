//! What hostile and broken peers say, and what must come of it: the handshake's rows of the threat
//! table, for both roles.

use super::*;
use crate::{FrameError, Framer};

/// What the machine is waiting for when the message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Challenge,
    Response,
    Verdict,
}

/// Drives a machine with an honest peer's messages until it waits for this. Also gives its own
/// challenge, the bytes after `#CHALLENGE#`, once it was sent.
fn until(awaited: Awaited, role: Role, policy: &Policy) -> (ToReceive<&'static [u8]>, Vec<u8>) {
    let mut challenge = vec![];
    let mut next = begin(role, KEY, policy, 1);
    for _ in 0..=MOST_STEPS {
        next = match next {
            Handshake::Send(step) => {
                if let Some(made) = step.message().strip_prefix(CHALLENGE) {
                    challenge = made.to_vec();
                }
                step.sent().unwrap()
            }
            Handshake::Receive(step) => {
                let (waits_for, message) = match step.turn {
                    Receiving::Challenge => (Awaited::Challenge, modern_challenge()),
                    Receiving::Response => {
                        let sha256 = Dialect::Prefixed(Digest::Sha256);
                        (Awaited::Response, response(sha256, KEY, &challenge))
                    }
                    Receiving::Verdict(_) => (Awaited::Verdict, WELCOME.to_vec()),
                };
                if waits_for == awaited {
                    return (step, challenge);
                }
                step.receive(&message).unwrap()
            }
            Handshake::Done(_) => break,
        };
    }
    panic!("{role:?} never waits for {awaited:?}");
}

/// What came of one message: the error, and what the peer was sent before it, if anything.
fn refused(awaited: Awaited, role: Role, policy: &Policy, message: &[u8]) -> (AuthError, Vec<u8>) {
    let (step, _) = until(awaited, role, policy);
    match step.receive(message) {
        Err(error) => (error, vec![]),
        Ok(Handshake::Send(step)) => {
            let sent = step.message().to_vec();
            let error = step.failure().expect("it is refused");
            assert_eq!(step.sent().unwrap_err(), error);
            (error, sent)
        }
        Ok(accepted) => panic!("accepted: {accepted:?}"),
    }
}

#[test]
fn responses() {
    use AuthError::{MessageTooLong, Refused, UnknownResponse, WrongResponse};
    let (compat, modern) = (Policy::COMPAT, Policy::MODERN);
    for role in ROLES {
        // The challenge is the same every time: the generator is seeded.
        let (_, challenge) = until(Awaited::Response, role, &compat);
        let mac = |digest: Digest| digest.mac(KEY, &challenge).as_slice().to_vec();
        let prefixed = |name: &[u8], mac: &[u8]| [name, mac].concat();
        let right = response(Dialect::Prefixed(Digest::Sha256), KEY, &challenge);
        let flipped = |at: usize| {
            let mut response = right.clone();
            response[at] ^= 0x80;
            response
        };
        let sha512 = prefixed(b"{sha512}", &[7; 64]);
        let rows: &[(&str, &Policy, Vec<u8>, AuthError)] = &[
            ("empty", &compat, vec![], UnknownResponse),
            ("{sha1}", &compat, prefixed(b"{sha1}", &[7; 20]), UnknownResponse),
            ("{sha512}", &compat, sha512, UnknownResponse),
            ("{SHA256}", &compat, prefixed(b"{SHA256}", &right[8..]), UnknownResponse),
            ("no closing brace", &compat, prefixed(b"{sha256", &right[8..]), UnknownResponse),
            ("32 raw wrong bytes", &compat, vec![7; 32], WrongResponse),
            ("the challenge echoed", &compat, challenge.clone(), WrongResponse),
            ("its message echoed", &compat, [CHALLENGE, &challenge].concat(), UnknownResponse),
            ("WELCOME", &compat, WELCOME.to_vec(), UnknownResponse),
            ("FAILURE", &compat, FAILURE.to_vec(), UnknownResponse),
            ("256 bytes of junk", &compat, vec![b'j'; 256], UnknownResponse),
            ("HTTP", &compat, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), UnknownResponse),
            ("a challenge", &compat, modern_challenge(), UnknownResponse),
            ("a MAC one byte short", &compat, right[..39].to_vec(), WrongResponse),
            ("a MAC one byte long", &compat, prefixed(&right, b"x"), WrongResponse),
            ("a prefix alone", &compat, b"{sha256}".to_vec(), WrongResponse),
            ("a wrong first byte", &compat, flipped(8), WrongResponse),
            ("a wrong last byte", &compat, flipped(39), WrongResponse),
            ("another digest's name", &compat, prefixed(b"{sha3_256}", &right[8..]), WrongResponse),
            ("raw 16, wrong", &compat, vec![7; 16], WrongResponse),
            ("raw 20", &compat, vec![7; 20], WrongResponse),
            ("{sha256} and 12 bytes", &compat, right[..20].to_vec(), WrongResponse),
            ("{sha256} and 8 bytes", &compat, right[..16].to_vec(), WrongResponse),
            ("{sha256} and 24 bytes", &compat, right[..32].to_vec(), WrongResponse),
            ("an unprefixed SHA-384", &compat, mac(Digest::Sha384), UnknownResponse),
            ("raw MD5, Modern", &modern, mac(Digest::Md5), Refused(Dialect::RawMd5)),
            (
                "{md5}, Modern",
                &modern,
                prefixed(b"{md5}", &mac(Digest::Md5)),
                Refused(Dialect::Prefixed(Digest::Md5)),
            ),
            ("raw 16, wrong, Modern", &modern, vec![7; 16], Refused(Dialect::RawMd5)),
        ];
        for (name, policy, message, error) in some(rows) {
            let (found, sent) = refused(Awaited::Response, role, policy, message);
            assert_eq!((found, &sent[..]), (*error, FAILURE), "{name} to a {role:?}");
        }
        let (found, sent) = refused(Awaited::Response, role, &compat, &[7; 257]);
        assert_eq!((found, sent), (MessageTooLong { length: 257 }, vec![]), "257 bytes");
    }
}

#[test]
fn responses_that_are_accepted() {
    let modern = [
        Dialect::RawSha256,
        Dialect::Prefixed(Digest::Sha256),
        Dialect::Prefixed(Digest::Sha384),
        Dialect::Prefixed(Digest::Sha3_256),
        Dialect::Prefixed(Digest::Sha3_384),
    ];
    let compat = [Dialect::RawMd5, Dialect::Prefixed(Digest::Md5)];
    for role in ROLES {
        for policy in [Policy::COMPAT, Policy::MODERN, Policy::MODERN.raw_sha256()] {
            let takes_md5 = policy == Policy::COMPAT;
            for dialect in some(modern.into_iter().chain(compat.into_iter().filter(|_| takes_md5)))
            {
                let (step, challenge) = until(Awaited::Response, role, &policy);
                let next = step.receive(&response(dialect, KEY, &challenge)).unwrap();
                let Handshake::Send(step) = next else { panic!("it welcomes {dialect}") };
                assert_eq!((step.message(), step.failure()), (WELCOME, None));
                assert!(matches!(step.turn, Sending::Welcome(found) if found == dialect));
            }
        }
    }
}

#[test]
fn challenges() {
    use AuthError::{
        ChallengeTooShort, MessageTooLong, NotAChallenge, Reflected, Refused, UnknownDigest,
    };
    let (compat, modern) = (Policy::COMPAT, Policy::MODERN);
    let challenge = |message: &[u8]| [CHALLENGE, message].concat();
    let legacy_with_prefix = challenge(b"{sha256}123456789012");
    let marked = challenge(&[b"{sha384}", &[7; 24][..], &CLIENT_MARK].concat());
    for role in ROLES {
        let mut rows: Vec<(&str, &Policy, Vec<u8>, AuthError)> = vec![
            ("nothing", &compat, vec![], NotAChallenge),
            ("WELCOME", &compat, WELCOME.to_vec(), NotAChallenge),
            ("FAILURE", &compat, FAILURE.to_vec(), NotAChallenge),
            ("a pickle", &compat, b"\x80\x04\x95\x0b\0\0\0\0\0\0\0".to_vec(), NotAChallenge),
            ("an unfinished word", &compat, b"#CHALLENGE".to_vec(), NotAChallenge),
            ("lower case", &compat, [b"#challenge#", &[7; 20][..]].concat(), NotAChallenge),
            ("HTTP", &compat, b"HTTP/1.1 400 Bad Request\r\n".to_vec(), NotAChallenge),
            ("empty", &compat, challenge(b""), ChallengeTooShort { length: 0 }),
            ("of 16", &compat, challenge(&[7; 16]), ChallengeTooShort { length: 16 }),
            ("of 19", &compat, challenge(&[7; 19]), ChallengeTooShort { length: 19 }),
            ("a prefix alone", &compat, challenge(b"{sha256}"), ChallengeTooShort { length: 8 }),
            ("unprefixed, of 21", &compat, challenge(&[7; 21]), UnknownDigest),
            ("unprefixed, of 245", &compat, challenge(&[7; 245]), UnknownDigest),
            ("{sha512}", &compat, challenge(b"{sha512}1234567890123456"), UnknownDigest),
            ("{SHA256}", &compat, challenge(b"{SHA256}1234567890123456"), UnknownDigest),
            ("{sha1}", &compat, challenge(b"{sha1}1234567890123456"), UnknownDigest),
            ("of 20, Modern", &modern, challenge(&[7; 20]), Refused(Dialect::RawMd5)),
            (
                "of 20, {sha256}, Modern",
                &modern,
                legacy_with_prefix.clone(),
                Refused(Dialect::RawMd5),
            ),
            (
                "{md5}, Modern",
                &modern,
                challenge(b"{md5}1234567890123456"),
                Refused(Dialect::Prefixed(Digest::Md5)),
            ),
            ("257 bytes", &compat, challenge(&[7; 246]), MessageTooLong { length: 257 }),
        ];
        if role == Role::Client {
            rows.push(("a client's", &compat, marked.clone(), Reflected));
        }
        for (name, policy, message, error) in some(rows) {
            let found = refused(Awaited::Challenge, role, policy, &message);
            assert_eq!(found, (error, vec![]), "{name} to a {role:?}");
        }
    }
}

#[test]
fn challenges_that_are_answered() {
    let (compat, modern) = (Policy::COMPAT, Policy::MODERN);
    let raw_sha256 = Policy::COMPAT.raw_sha256();
    let modern_raw = Policy::MODERN.raw_sha256();
    let of_20: &[u8] = &[7; 20];
    let with_prefix: &[u8] = b"{sha256}123456789012";
    let shortest: &[u8] = b"{sha256}1234567890123";
    let longest = [b"{sha3_384}", &[7; 235][..]].concat();
    let md5 = b"{md5}1234567890123456";
    let prefixed = Dialect::Prefixed;
    for role in ROLES {
        for (policy, challenge, dialect) in some([
            (&compat, of_20, Dialect::RawMd5),
            (&compat, with_prefix, Dialect::RawMd5),
            (&raw_sha256, of_20, Dialect::RawSha256),
            (&raw_sha256, with_prefix, Dialect::RawSha256),
            (&modern_raw, of_20, Dialect::RawSha256),
            (&compat, md5, prefixed(Digest::Md5)),
            (&raw_sha256, md5, prefixed(Digest::Md5)),
            (&compat, shortest, prefixed(Digest::Sha256)),
            (&modern, shortest, prefixed(Digest::Sha256)),
            (&modern, &longest, prefixed(Digest::Sha3_384)),
        ]) {
            let (step, _) = until(Awaited::Challenge, role, policy);
            let next = step.receive(&[CHALLENGE, challenge].concat()).unwrap();
            let Handshake::Send(step) = next else { panic!("{role:?} answers {challenge:?}") };
            assert_eq!(step.message(), response(dialect, KEY, challenge), "{dialect}");
            assert_eq!(step.failure(), None);
        }
    }
}

#[test]
fn verdicts() {
    let answered = Dialect::Prefixed(Digest::Sha256);
    for role in ROLES {
        for (message, error) in some([
            (FAILURE, AuthError::Rejected { answered }),
            (b"", AuthError::NotAVerdict),
            (b"#WELCOME#x", AuthError::NotAVerdict),
            (b"#WELCOME", AuthError::NotAVerdict),
            (b"#welcome#", AuthError::NotAVerdict),
            (b"#FAILURE#x", AuthError::NotAVerdict),
            (&modern_challenge(), AuthError::NotAVerdict),
            (&[b'W'; 256], AuthError::NotAVerdict),
            (&[b'W'; 257], AuthError::MessageTooLong { length: 257 }),
        ]) {
            let found = refused(Awaited::Verdict, role, &Policy::COMPAT, message);
            assert_eq!(found, (error, vec![]), "{message:?} to a {role:?}");
        }
    }
}

/// Facts 17: the two legacy dialects cannot be told apart, so the error names the option.
#[test]
fn a_rejected_legacy_answer_names_the_option() {
    for (policy, names) in [
        (Policy::COMPAT, "set Policy::raw_sha256"),
        (Policy::COMPAT.raw_sha256(), "leave Policy::raw_sha256 out"),
    ] {
        let (step, _) = until(Awaited::Challenge, Role::Client, &policy);
        let next = step.receive(&[CHALLENGE, &[7; 20]].concat()).unwrap();
        let Handshake::Send(step) = next else { panic!("it answers") };
        let Handshake::Receive(step) = step.sent().unwrap() else { panic!("it waits") };
        let error = format!("{}", step.receive(FAILURE).unwrap_err());
        assert!(error.contains(names), "{error}");
    }
    let answered = Dialect::Prefixed(Digest::Sha256);
    assert!(!format!("{}", AuthError::Rejected { answered }).contains("raw_sha256"));
}

/// On a stream these never get as far as the handshake.
#[test]
fn strangers_are_refused_by_their_first_bytes() {
    let header = |length: u64| [&[0xff; 4][..], &length.to_be_bytes()].concat();
    let max = MAX_MESSAGE as u64;
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\r\n"[..], FrameError::TooLong { length: 0x4745_5420, max }),
        (b"\x16\x03\x01\x02\0\x01", FrameError::TooLong { length: 0x1603_0102, max }),
        (b"SSH-2.0-x\r\n", FrameError::TooLong { length: 0x5353_482d, max }),
        (b"\0\0\x01\x01", FrameError::TooLong { length: 257, max }),
        (b"\x7f\xff\xff\xff", FrameError::TooLong { length: 0x7fff_ffff, max }),
        (&header(1 << 63), FrameError::TooLong { length: 1 << 63, max }),
        (&header(u64::MAX), FrameError::TooLong { length: u64::MAX, max }),
        (b"\xff\xff\xff\xfe", FrameError::InvalidLength(-2)),
        (b"\x80\0\0\0", FrameError::InvalidLength(i32::MIN)),
    ] {
        assert_eq!(Framer::new(max, MAX_MESSAGE).next(bytes), Err(error));
    }
}

/// A client that knows what it will be asked may send all it has to say at once, in either header
/// form, in any pieces.
#[test]
fn pipelined_and_byte_by_byte() {
    let policy = Policy::COMPAT;
    let (.., said) =
        converse(begin(Role::Listener, KEY, &policy, 1), begin(Role::Client, KEY, &policy, 2));
    let by_client = [&said[1], &said[3], &said[5]];
    let short = by_client.map(|message| {
        [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    });
    let long = by_client
        .map(|message| [&[0xff; 4][..], &(message.len() as u64).to_be_bytes(), message].concat());
    for frames in [short, long] {
        let stream = [&frames.concat()[..], b"\0\0\0\x05hello"].concat();
        for at_once in [stream.len(), 1, 7] {
            let received = crate::testing::receive(&stream, 256, 256, &[at_once], |_| false);
            let mut listener = begin(Role::Listener, KEY, &policy, 1);
            let mut messages = received.messages.iter();
            for _ in 0..=MOST_STEPS {
                listener = match listener {
                    Handshake::Send(step) => step.sent().unwrap(),
                    Handshake::Receive(step) => step.receive(&messages.next().unwrap().1).unwrap(),
                    Handshake::Done(_) => break,
                };
            }
            assert!(matches!(listener, Handshake::Done(_)));
            assert_eq!(messages.next().unwrap().1, b"hello", "facts 20: read together");
        }
    }
}

#[test]
fn errors_hold_no_bytes_of_the_peers() {
    let secret = b"{sha512}PEER-SAID-THIS-0123456789";
    for role in ROLES {
        for awaited in [Awaited::Challenge, Awaited::Response, Awaited::Verdict] {
            for message in some([secret.to_vec(), [CHALLENGE, secret].concat()]) {
                let (error, _) = refused(awaited, role, &Policy::COMPAT, &message);
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("PEER") && !shown.contains("80, 69"), "{shown}");
            }
        }
    }
}
