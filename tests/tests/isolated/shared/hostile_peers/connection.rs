//! Threats after the handshake, from a peer that holds the key.

use mpconn_tests::wire::{extended_header, frame};

use super::attack::Row;
use super::hostile::{Cut, Hostile};

/// The default limit of a message.
const LIMIT: u64 = 64 << 20;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        writes("header of 2 GiB - 1", LIMIT, &i32::MAX.to_be_bytes()),
        writes("extended header of 2 GiB", LIMIT, &extended_header(1 << 31)),
        writes("extended header of 2^63", LIMIT, &extended_header(1 << 63)),
        writes("extended header of 2^64 - 1", LIMIT, &extended_header(u64::MAX)),
        writes("header of -2", LIMIT, &(-2_i32).to_be_bytes()),
        writes("header of INT_MIN", LIMIT, &i32::MIN.to_be_bytes()),
        writes("bad header, then a good message", LIMIT, b"\xff\xff\xff\xfe\0\0\0\x01x"),
        ends("claim of the limit and 3 bytes", LIMIT, b"\x04\0\0\0abc"),
        ends(
            "claim of 2 GiB and 3 bytes, no limit",
            u64::MAX,
            &[extended_header(1 << 31).as_slice(), b"abc"].concat(),
        ),
        ends(
            "claim of 2^64 - 1 and 3 bytes, no limit",
            u64::MAX,
            &[extended_header(u64::MAX).as_slice(), b"abc"].concat(),
        ),
        ends("end between messages", LIMIT, b""),
        ends("end inside a header", LIMIT, b"\0\0"),
        ends("end inside an extended header", LIMIT, b"\xff\xff\xff\xff\0\0"),
        ends("end right after a header", LIMIT, b"\0\0\0\x10"),
        ends("end right after a large header", LIMIT, b"\x01\0\0\0"),
        ends("end inside a payload", LIMIT, b"\0\0\0\x10abc"),
        writes("one byte over the limit", 1000, &frame(&[b'x'; 1001])),
        writes("just the limit", 1000, &frame(&[b'x'; 1000])),
        writes("an empty message, the limit 0", 0, &frame(b"")),
        joined("reset", LIMIT, Hostile::reset).tcp_only(),
    ]
}

fn writes(threat: &'static str, limit: u64, bytes: &[u8]) -> Row {
    let bytes = bytes.to_vec();
    joined(threat, limit, move |peer| peer.write(&bytes))
}

fn ends(threat: &'static str, limit: u64, bytes: &[u8]) -> Row {
    let bytes = bytes.to_vec();
    joined(threat, limit, move |peer| {
        peer.write(&bytes);
        peer.end();
    })
}

fn joined(threat: &'static str, limit: u64, script: impl Fn(&mut Hostile) + Sync + 'static) -> Row {
    Row::connection(threat, limit, move |peer| {
        peer.join(Cut::Plain, &[]);
        script(peer);
    })
}
