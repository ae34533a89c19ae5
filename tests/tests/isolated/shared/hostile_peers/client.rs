//! Threats to a client that has a key, from what it takes for its listener.

use std::thread;

use super::adapter::{ConnectOptions, Policy};
use mpconn_tests::wire::{WELCOME, challenge, extended_header, frame};

use super::attack::{Row, SHORT, keyed_client};
use super::hostile::{Cut, Hostile, own_challenge};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = silence_and_ends();
    rows.extend(frames());
    rows.extend(bad_challenges());
    rows.extend(good_challenges());
    rows.extend(verdicts());
    rows.extend(forms());
    rows
}

fn silence_and_ends() -> Vec<Row> {
    let short = || keyed_client().handshake_timeout(SHORT);
    let end_after = |threat, bytes: &'static [u8]| {
        Row::client(threat, keyed_client(), move |peer| {
            peer.write(bytes);
            peer.end();
        })
    };
    vec![
        Row::client("silent", short(), |_| {}),
        Row::client("challenges and stops", short(), |peer| peer.send(&own_challenge())),
        Row::client("says welcome and stops", short(), |peer| {
            peer.send(&own_challenge());
            peer.receive();
            peer.send(WELCOME);
        }),
        Row::client("closes at once", keyed_client(), Hostile::leave),
        Row::client("resets", keyed_client(), |peer| {
            // Once connecting is over: a reset before that is another error.
            thread::sleep(SHORT / 2);
            peer.reset();
        })
        .tcp_only(),
        end_after("end before a header", b""),
        end_after("end inside a header", b"\0\0"),
        end_after("end right after a header", b"\0\0\0\x3b"),
        end_after("end inside a payload", b"\0\0\0\x3b#CHALLENGE#"),
    ]
}

fn frames() -> Vec<Row> {
    let writes = |threat, bytes: Vec<u8>| {
        Row::client(threat, keyed_client(), move |peer| peer.write(&bytes))
    };
    vec![
        writes("header of 2 GiB - 1", i32::MAX.to_be_bytes().to_vec()),
        writes("extended header of 2 GiB", extended_header(1 << 31)),
        writes("extended header of 2^63", extended_header(1 << 63)),
        writes("extended header of 2^64 - 1", extended_header(u64::MAX)),
        writes("header of -2", (-2_i32).to_be_bytes().to_vec()),
        writes("header of INT_MIN", i32::MIN.to_be_bytes().to_vec()),
        writes("frame of 257 bytes", frame(&[b'x'; 257])),
        writes("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        writes("TLS", b"\x15\x03\x01\0\x02\x02\x16".to_vec()),
        writes("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        writes("Redis", b"-ERR Protocol error\r\n".to_vec()),
        writes("SMTP", b"220 mail.example ESMTP\r\n".to_vec()),
        writes("lengths in little-endian order", [&20_u32.to_le_bytes()[..], &[b'x'; 20]].concat()),
    ]
}

fn bad_challenges() -> Vec<Row> {
    vec![
        challenges("challenge of 0 bytes", b""),
        challenges("challenge of 16 bytes", &[b'x'; 16]),
        challenges("challenge of 19 bytes", &[b'x'; 19]),
        challenges("challenge of 21 bytes without a digest", &[b'x'; 21]),
        challenges("challenge of {sha512}", b"{sha512}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        challenges("challenge of {SHA256}", b"{SHA256}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        challenges(
            "another client's marked challenge",
            b"{sha256}xxxxxxxxxxxxxxxxxxxxxxxx#mpconn-client-1",
        ),
        challenges("the mark in a challenge of 20 bytes", b"xxxx#mpconn-client-1"),
        Row::client("its own challenge without ours", keyed_client(), |peer| peer.send(WELCOME)),
        Row::client("no key, and speaks first", keyed_client(), |peer| peer.send(b"hello")),
        Row::client("empty message", keyed_client(), |peer| peer.send(b"")),
    ]
}

/// Answered, and then nothing follows.
fn good_challenges() -> Vec<Row> {
    let policy =
        |threat, bytes, policy| challenges_under(threat, bytes, keyed_client().policy(policy));
    let longest = [&b"{sha3_384}"[..], &[b'x'; 235]].concat();
    let too_long = [&b"{sha3_384}"[..], &[b'x'; 236]].concat();
    vec![
        challenges("challenge of 20 bytes", &[b'x'; 20]),
        challenges("challenge of 20 bytes with {sha256}", b"{sha256}xxxxxxxxxxxx"),
        challenges("challenge of {md5}", b"{md5}xxxxxxxxxxxxxxxxxxxx"),
        challenges("challenge of 256 bytes in all", &longest),
        challenges("challenge of 257 bytes in all", &too_long),
        policy("challenge of 20 bytes, the policy modern", &[b'x'; 20], Policy::MODERN),
        policy(
            "challenge of {md5}, the policy modern",
            b"{md5}xxxxxxxxxxxxxxxxxxxx",
            Policy::MODERN,
        ),
        policy(
            "challenge of 20 bytes, the policy raw_sha256",
            &[b'x'; 20],
            Policy::COMPAT.raw_sha256(),
        ),
    ]
}

fn verdicts() -> Vec<Row> {
    let verdict = |threat, challenged: Vec<u8>, message: &'static [u8]| {
        Row::client(threat, keyed_client(), move |peer| {
            peer.send(&challenged);
            peer.receive();
            peer.send(message);
        })
    };
    vec![
        verdict("failure", own_challenge(), b"#FAILURE#"),
        verdict("failure for raw MD5", challenge(&[b'x'; 20]), b"#FAILURE#"),
        verdict("#WELCOME#x", own_challenge(), b"#WELCOME#x"),
        verdict("welcome in small letters", own_challenge(), b"#welcome#"),
        verdict("a challenge in place of welcome", own_challenge(), b"#CHALLENGE#x"),
        verdict("empty in place of welcome", own_challenge(), b""),
        Row::client("a wrong response", keyed_client(), |peer| {
            peer.send(&own_challenge());
            peer.receive();
            peer.send(WELCOME);
            peer.receive();
            peer.send(&[b'x'; 16]);
        }),
        Row::client("its challenge sent back to it", keyed_client(), |peer| {
            peer.send(&own_challenge());
            peer.receive();
            peer.send(WELCOME);
            let challenge = peer.receive();
            peer.send(&challenge);
        }),
    ]
}

fn forms() -> Vec<Row> {
    let cut = |threat, cut| Row::client(threat, keyed_client(), move |peer| peer.admit(cut));
    vec![
        cut("as it should be", Cut::Plain),
        cut("pipelined in one write", Cut::Pipelined),
        cut("byte by byte", Cut::ByteByByte),
        cut("extended headers", Cut::Extended),
        Row::client("a key on its side only", ConnectOptions::without_key(), |peer| {
            peer.send(&own_challenge());
        }),
        Row::client("an empty key", ConnectOptions::with_key(super::empty_key()), |_| {}),
    ]
}

/// A listener that challenges with these bytes, and has nothing more to say.
fn challenges(threat: &'static str, bytes: &[u8]) -> Row {
    challenges_under(threat, bytes, keyed_client())
}

fn challenges_under(threat: &'static str, bytes: &[u8], options: ConnectOptions) -> Row {
    let message = challenge(bytes);
    Row::client(threat, options, move |peer| {
        peer.send(&message);
        peer.receive();
        peer.end();
    })
}
