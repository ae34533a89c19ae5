//! The pieces of work that are measured, each done a given number of times.

use std::future::Future;
use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::thread;

use bytes::{Bytes, BytesMut};
use mpconn::{AuthKey, Event, Extended, Family, Framer, RecvBuffer, encode};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

const MESSAGE: [u8; 16] = *b"sixteen bytes it";

pub fn find(name: &str) -> Option<fn(u64)> {
    Some(match name {
        "copy" => copy,
        "framer" => framer,
        "codec" => codec,
        "bytewise_large" => bytewise_large,
        "bytewise_small" => bytewise_small,
        "tiny" => tiny,
        "ping_pong" => ping_pong,
        "tokio_ping_pong" => tokio_ping_pong,
        "many" => many,
        "tokio_many" => tokio_many,
        "send_and_borrow" => send_and_borrow,
        "send_and_receive" => send_and_receive,
        "send_and_reuse_large" => send_and_reuse_large,
        "hundred" => hundred,
        "event_of_10" => |times| counts::events(times, 10),
        "event_of_1000" => |times| counts::events(times, 1_000),
        "handshake" => handshake,
        "handshake_unix" => handshake_unix,
        "tokio_handshake" => tokio_handshake,
        "tokio_handshake_unix" => tokio_handshake_unix,
        "read_struct" => counts::read_struct,
        "read_rows" => counts::read_rows,
        "read_strings" => counts::read_strings,
        "read_ints" => counts::read_ints,
        "write_struct" => counts::write_struct,
        "write_rows" => counts::write_rows,
        "write_strings" => counts::write_strings,
        _ => return None,
    })
}

/// What is left of encoding and decoding without any framing.
fn copy(times: u64) {
    let mut wire = Vec::with_capacity(64);
    for _ in 0..times {
        wire.clear();
        wire.extend_from_slice(black_box(&MESSAGE[..]));
        black_box(&wire[..]);
    }
}

fn framer(times: u64) {
    let mut wire = Vec::with_capacity(64);
    let mut framer = Framer::new(1 << 20, 1 << 16);
    for _ in 0..times {
        let message = black_box(&MESSAGE[..]);
        wire.clear();
        encode(message, Extended::Allow, &mut wire).expect("a short message");
        match framer.next(black_box(&wire)) {
            Ok((_, Event::Frame(payload))) => black_box(&wire[payload]),
            other => panic!("{other:?}"),
        };
    }
}

fn codec(times: u64) {
    let mut wire = BytesMut::with_capacity(64);
    let mut codec = LengthDelimitedCodec::new();
    for _ in 0..times {
        codec.encode(Bytes::from_static(black_box(&MESSAGE[..])), &mut wire).expect("it is short");
        black_box(codec.decode(black_box(&mut wire)).expect("it is whole"));
    }
}

/// One message of so many bytes, which arrives byte by byte.
fn bytewise_large(times: u64) {
    bytewise(1, as_length(times));
}

/// So many bytes, which arrive byte by byte, as messages that are only just read ahead.
fn bytewise_small(times: u64) {
    const LENGTH: usize = 60_000;
    bytewise(as_length(times).div_ceil(LENGTH), LENGTH);
}

fn bytewise(messages: usize, length: usize) {
    let mut recv = RecvBuffer::new(u64::MAX);
    let header = u32::try_from(length).expect("a short header").to_be_bytes();
    for _ in 0..messages {
        let mut bytes = header.into_iter().chain(std::iter::repeat_n(7, length));
        while !recv.poll().expect("it is received") {
            recv.read_buf().into_slice()[0] =
                black_box(bytes.next().expect("no byte is read twice"));
            recv.advance(1);
        }
        assert_eq!(recv.message().len(), length);
    }
}

fn as_length(times: u64) -> usize {
    usize::try_from(times).expect("it fits in memory")
}

/// So many empty messages, which arrive with reads as long as there is space for.
fn tiny(times: u64) {
    let mut recv = RecvBuffer::new(u64::MAX);
    for _ in 0..times {
        while !recv.poll().expect("it is received") {
            let space = recv.read_buf().into_slice();
            let whole = space.len() - space.len() % 4;
            space[..whole].fill(0);
            recv.advance(whole);
        }
        assert!(black_box(recv.message()).is_empty());
    }
}

fn ping_pong(times: u64) {
    let (mut one, mut other) = mpconn_blocking::pipe().expect("a pair");
    let answerer = thread::spawn(move || {
        for _ in 0..times {
            let length = other.recv_borrowed().expect("a ping").len();
            assert_eq!(length, MESSAGE.len());
            other.send_bytes(&MESSAGE).expect("it is sent");
        }
    });
    for _ in 0..times {
        one.send_bytes(&MESSAGE).expect("it is sent");
        assert_eq!(one.recv_borrowed().expect("a pong"), MESSAGE);
    }
    answerer.join().expect("the answerer ends well");
}

fn tokio_ping_pong(times: u64) {
    tokio_pair(
        async move |mut one| {
            for _ in 0..times {
                one.send_bytes(&MESSAGE).await.expect("it is sent");
                assert_eq!(one.recv_borrowed().await.expect("a pong"), MESSAGE);
            }
        },
        async move |mut other| {
            for _ in 0..times {
                assert_eq!(other.recv_borrowed().await.expect("a ping"), MESSAGE);
                other.send_bytes(&MESSAGE).await.expect("it is sent");
            }
        },
    );
}

fn many(times: u64) {
    let (mut one, mut other) = mpconn_blocking::pipe().expect("a pair");
    let receiver = thread::spawn(move || {
        for _ in 0..times {
            assert_eq!(other.recv_borrowed().expect("a message"), MESSAGE);
        }
    });
    one.send_many((0..times).map(|_| &MESSAGE)).expect("they are sent");
    receiver.join().expect("the receiver ends well");
}

fn tokio_many(times: u64) {
    tokio_pair(
        async move |mut one| {
            one.send_many((0..times).map(|_| &MESSAGE)).await.expect("they are sent");
        },
        async move |mut other| {
            for _ in 0..times {
                assert_eq!(other.recv_borrowed().await.expect("a message"), MESSAGE);
            }
        },
    );
}

/// A message of 16 bytes sent and received on one thread, and lent.
fn send_and_borrow(times: u64) {
    let (mut one, mut other) = mpconn_blocking::pipe().expect("a pair");
    for _ in 0..times {
        one.send_bytes(&MESSAGE).expect("it is sent");
        assert_eq!(other.recv_borrowed().expect("a message"), MESSAGE);
    }
}

/// The same, received into memory of its own.
fn send_and_receive(times: u64) {
    let (mut one, mut other) = mpconn_blocking::pipe().expect("a pair");
    for _ in 0..times {
        one.send_bytes(&MESSAGE).expect("it is sent");
        assert_eq!(other.recv_bytes().expect("a message"), MESSAGE);
    }
}

/// A message of 100 KB, received into memory that is used again.
fn send_and_reuse_large(times: u64) {
    let (mut one, mut other) = mpconn_blocking::pipe().expect("a pair");
    let message = vec![7; 100_000];
    let mut out = Vec::new();
    for _ in 0..times {
        one.send_bytes(&message).expect("it is sent");
        other.recv_bytes_to(&mut out).expect("a message");
        assert_eq!(out.len(), message.len());
    }
}

/// 100 messages sent with one call, and received.
fn hundred(times: u64) {
    let (mut one, mut other) = mpconn_blocking::pipe().expect("a pair");
    for _ in 0..times {
        one.send_many([&MESSAGE; 100]).expect("they are sent");
        for _ in 0..100 {
            assert_eq!(other.recv_borrowed().expect("a message"), MESSAGE);
        }
    }
}

const KEY: &[u8] = b"a key of more than sixteen bytes";

fn handshake(times: u64) {
    handshakes(times, Family::Inet);
}

fn handshake_unix(times: u64) {
    handshakes(times, Family::Unix);
}

/// Handshakes of a listener and a client, on a thread each.
fn handshakes(times: u64, family: Family) {
    let key = AuthKey::new(KEY);
    let options = mpconn_blocking::ListenerOptions::with_key(key.clone()).family(family);
    let mut listener = options.bind_fresh().expect("an address");
    let address = listener.address().clone();
    let accepting = thread::spawn(move || {
        for _ in 0..times {
            listener.accept().expect("a client");
        }
    });
    for _ in 0..times {
        mpconn_blocking::connect(&address, key.clone()).expect("the listener is there");
    }
    accepting.join().expect("the listener ends well");
}

fn tokio_handshake(times: u64) {
    tokio_handshakes(times, Family::Inet);
}

fn tokio_handshake_unix(times: u64) {
    tokio_handshakes(times, Family::Unix);
}

/// The same on tokio, on a thread and a runtime each.
fn tokio_handshakes(times: u64, family: Family) {
    let key = AuthKey::new(KEY);
    let options = mpconn_tokio::ListenerOptions::with_key(key.clone()).family(family);
    let (tell, told) = std::sync::mpsc::channel();
    let accepting = thread::spawn(move || {
        runtime().block_on(async {
            let mut listener = options.bind_fresh().expect("an address");
            tell.send(listener.address().clone()).expect("the client waits");
            for _ in 0..times {
                listener.accept().await.expect("a client");
            }
        });
    });
    let address = told.recv().expect("the listener is there");
    runtime().block_on(async {
        for _ in 0..times {
            mpconn_tokio::connect(&address, key.clone()).await.expect("the listener is there");
        }
    });
    accepting.join().expect("the listener ends well");
}

/// Both ends of a pair, on a thread and a runtime each.
fn tokio_pair<F, G>(
    one_end: impl FnOnce(mpconn_tokio::Connection) -> F,
    other_end: impl FnOnce(mpconn_tokio::Connection) -> G + Send + 'static,
) where
    F: Future<Output = ()>,
    G: Future<Output = ()>,
{
    let (one, other) = UnixStream::pair().expect("a pair");
    let adopt = |stream: UnixStream| {
        let socket = mpconn_tokio::Socket::try_from(stream).expect("a socket");
        mpconn_tokio::Connection::unauthenticated(socket)
    };
    let other = thread::spawn(move || runtime().block_on(async { other_end(adopt(other)).await }));
    runtime().block_on(async { one_end(adopt(one)).await });
    other.join().expect("the other end ends well");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
