//! Threats to a listener that has a key.

use std::thread;
use std::time::Duration;

use super::adapter::{ListenerOptions, Policy};
use mpconn_tests::wire::{WELCOME, challenge, extended_header, frame, md5, sha256};

use super::attack::{Row, SHORT, keyed_listener};
use super::hostile::{Cut, HELLO, Hostile, KEY, own_challenge, prefixed};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = silence();
    rows.extend(ends());
    rows.extend(frames());
    rows.extend(wrong_responses());
    rows.extend(right_responses());
    rows.extend(forms());
    rows.extend(keys());
    rows
}

fn silence() -> Vec<Row> {
    let short = || keyed_listener().handshake_timeout(SHORT);
    vec![
        Row::listener("silent", short(), |_| {}),
        Row::listener("proves its key and stops", short(), |peer| {
            let challenge = peer.receive_challenge();
            peer.send(&prefixed(&challenge));
        }),
        Row::listener("stops before its verdict", short(), |peer| {
            let challenge = peer.receive_challenge();
            peer.send(&prefixed(&challenge));
            peer.send(&own_challenge());
        }),
        Row::listener("one byte every 100 ms", short(), |peer| {
            for byte in frame(&[0; 16]) {
                peer.write(&[byte]);
                thread::sleep(Duration::from_millis(100));
            }
        }),
        Row::listener("the oldest of more than the cap", short().max_pending(1), |peer| {
            // Its own second connection takes its place.
            peer.receive();
            peer.call_again();
        }),
    ]
}

fn ends() -> Vec<Row> {
    let end_after = |threat, bytes: &'static [u8]| {
        Row::listener(threat, keyed_listener(), move |peer| {
            peer.write(bytes);
            peer.end();
        })
    };
    vec![
        Row::late_listener("gone before it is taken", Hostile::leave),
        Row::late_listener("reset before it is taken", Hostile::reset).tcp_only(),
        Row::listener("gone with the challenge read", keyed_listener(), |peer| {
            peer.receive();
            peer.leave();
        }),
        Row::listener("gone with the challenge unread", keyed_listener(), Hostile::leave_unread),
        Row::listener("reset", keyed_listener(), |peer| {
            peer.receive();
            peer.reset();
        })
        .tcp_only(),
        end_after("end before a header", b""),
        end_after("end inside a header", b"\0\0"),
        end_after("end inside an extended header", b"\xff\xff\xff\xff\0\0"),
        end_after("end right after a header", b"\0\0\0\x10"),
        end_after("end inside a payload", b"\0\0\0\x10abc"),
        Row::listener("end once it has proved its key", keyed_listener(), |peer| {
            let challenge = peer.receive_challenge();
            peer.send(&prefixed(&challenge));
            peer.end();
        }),
    ]
}

fn frames() -> Vec<Row> {
    let writes = |threat, bytes: Vec<u8>| {
        Row::listener(threat, keyed_listener(), move |peer| peer.write(&bytes))
    };
    vec![
        writes("header of 2 GiB - 1", i32::MAX.to_be_bytes().to_vec()),
        writes("extended header of 2 GiB", extended_header(1 << 31)),
        writes("extended header of 2^63", extended_header(1 << 63)),
        writes("extended header of 2^64 - 1", extended_header(u64::MAX)),
        writes("header of -2", (-2_i32).to_be_bytes().to_vec()),
        writes("header of INT_MIN", i32::MIN.to_be_bytes().to_vec()),
        writes("frame of 257 bytes", frame(&[b'x'; 257])),
        writes("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        writes("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        writes("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        writes("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        writes("Redis", b"*1\r\n$4\r\nPING\r\n".to_vec()),
        writes("lengths in little-endian order", [&20_u32.to_le_bytes()[..], &[b'x'; 20]].concat()),
        writes("frame of 64 KiB", [&65_536_u32.to_be_bytes()[..], b"some of it"].concat()),
        writes("frame of 16 MiB", [&0x0100_0000_u32.to_be_bytes()[..], b"some of it"].concat()),
    ]
}

fn wrong_responses() -> Vec<Row> {
    let flipped = |mut mac: Vec<u8>| {
        mac[9] ^= 1;
        mac
    };
    let junk = |prefix: &[u8], length| [prefix, &vec![b'x'; length]].concat();
    vec![
        responds("{sha1}", move |_| junk(b"{sha1}", 20)),
        responds("{sha512}", move |_| junk(b"{sha512}", 64)),
        responds("{SHA256}", |c| [b"{SHA256}", sha256(KEY, c).as_slice()].concat()),
        responds("echo of the challenge", challenge),
        responds("echo of the challenge's bytes", <[u8]>::to_vec),
        responds("welcome for a response", |_| WELCOME.to_vec()),
        responds("256 bytes of junk", move |_| junk(b"", 256)),
        responds("empty", |_| Vec::new()),
        responds("{sha256} one byte short", |c| prefixed(c)[..39].to_vec()),
        responds("{sha256} one byte long", |c| [prefixed(c).as_slice(), b"x"].concat()),
        responds("{sha256} wrong in one bit", move |c| flipped(prefixed(c))),
        responds("{sha256} of another key", |c| {
            [b"{sha256}", sha256(b"another key", c).as_slice()].concat()
        }),
        responds("{sha256} without the digest's name", |c| {
            [b"{sha256}", sha256(KEY, &c[8..]).as_slice()].concat()
        }),
        responds("{sha256} and 12 bytes", move |_| junk(b"{sha256}", 12)),
        responds("raw MD5 wrong in one bit", move |c| flipped(md5(KEY, c))),
        responds("raw SHA-256 wrong in one bit", move |c| flipped(sha256(KEY, c))),
        responds("raw 20 bytes", move |_| junk(b"", 20)),
    ]
}

fn right_responses() -> Vec<Row> {
    let raw_md5 = |c: &[u8]| md5(KEY, c);
    let prefixed_md5 = |c: &[u8]| [b"{md5}", md5(KEY, c).as_slice()].concat();
    let raw_sha256 = |c: &[u8]| sha256(KEY, c);
    let modern = || keyed_listener().policy(Policy::MODERN);
    vec![
        joins("raw MD5", keyed_listener(), raw_md5),
        joins("{md5}", keyed_listener(), prefixed_md5),
        joins("raw SHA-256", keyed_listener(), raw_sha256),
        joins("{sha256}", keyed_listener(), prefixed),
        joins("raw MD5, the policy modern", modern(), raw_md5),
        joins("{md5}, the policy modern", modern(), prefixed_md5),
        joins("raw SHA-256, the policy modern", modern(), raw_sha256),
        joins("{sha256}, the policy modern", modern(), prefixed),
    ]
}

fn forms() -> Vec<Row> {
    let cut =
        |threat, cut| Row::listener(threat, keyed_listener(), move |peer| peer.join(cut, &[HELLO]));
    vec![
        cut("as it should be", Cut::Plain),
        cut("pipelined in one write", Cut::Pipelined),
        cut("byte by byte", Cut::ByteByByte),
        cut("extended headers", Cut::Extended),
        challenges("challenge of 19 bytes", &[b'x'; 19]),
        challenges("challenge of 20 bytes", &[b'x'; 20]),
        challenges("challenge of {sha512}", b"{sha512}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        // Clients of this library do just that.
        challenges(
            "challenge with a client's mark",
            b"{sha256}xxxxxxxxxxxxxxxxxxxxxxxx#mpconn-client-1",
        ),
        verdict("failure", b"#FAILURE#"),
        verdict("#WELCOME#x", b"#WELCOME#x"),
        verdict("a message in place of a verdict", b"hello"),
    ]
}

fn keys() -> Vec<Row> {
    let says_hello = |peer: &mut Hostile| peer.send(b"hello");
    vec![
        Row::listener("no key, and speaks first", keyed_listener(), says_hello),
        Row::listener("no key on our side", ListenerOptions::without_key(), says_hello),
        Row::listener("a key on its side only", ListenerOptions::without_key(), |_| {}),
        Row::listener("an empty key", ListenerOptions::with_key(super::empty_key()), |_| {}),
    ]
}

/// A client that responds to the challenge with what `respond` makes of it.
fn responds(threat: &'static str, respond: impl Fn(&[u8]) -> Vec<u8> + Sync + 'static) -> Row {
    Row::listener(threat, keyed_listener(), move |peer| {
        let challenge = peer.receive_challenge();
        peer.send(&respond(&challenge));
    })
}

/// The same, with all that comes after it.
fn joins(
    threat: &'static str,
    options: ListenerOptions,
    respond: impl Fn(&[u8]) -> Vec<u8> + Sync + 'static,
) -> Row {
    Row::listener(threat, options, move |peer| {
        let challenge = peer.receive_challenge();
        peer.send(&respond(&challenge));
        peer.receive();
        peer.send(&own_challenge());
        peer.receive();
        peer.send(WELCOME);
        peer.send(b"hello");
    })
}

/// A client that has the key, and then challenges with these bytes.
fn challenges(threat: &'static str, bytes: &'static [u8]) -> Row {
    Row::listener(threat, keyed_listener(), move |peer| {
        let theirs = peer.receive_challenge();
        peer.send(&prefixed(&theirs));
        peer.receive();
        peer.send(&challenge(bytes));
        if !peer.receive().is_empty() {
            peer.send(WELCOME);
            peer.send(b"hello");
        }
    })
}

/// A client that has the key, and says this to our response.
fn verdict(threat: &'static str, message: &'static [u8]) -> Row {
    Row::listener(threat, keyed_listener(), move |peer| {
        let theirs = peer.receive_challenge();
        peer.send(&prefixed(&theirs));
        peer.receive();
        peer.send(&own_challenge());
        peer.receive();
        peer.send(message);
    })
}
