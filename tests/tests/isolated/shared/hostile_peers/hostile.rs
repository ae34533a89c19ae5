//! The hostile peer: sends what it likes, and remembers what it sees.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

use mpconn::CLIENT_MARK;
use mpconn_tests::net::Stream;
use mpconn_tests::wire::{
    CHALLENGE, FAILURE, WELCOME, challenge, extended_frame, frame, receive, sha256,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::set_socket_linger;

/// The key of our side, and of a hostile peer that has it.
pub(crate) const KEY: &[u8] = b"a key of more than sixteen bytes";

/// What a peer that got in says first.
pub(crate) const HELLO: &[u8] = b"hello";

#[derive(Debug)]
pub(crate) struct Hostile {
    /// None once it has gone.
    stream: Option<Stream>,
    second: Option<Stream>,
    seen: Vec<String>,
}

impl Hostile {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream: Some(stream), second: None, seen: Vec::new() }
    }

    /// Sends these bytes as they are. That the other side is gone is its right.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.write_all(bytes);
        }
    }

    pub(crate) fn send(&mut self, message: &[u8]) {
        self.write(&frame(message));
    }

    /// The next message, empty at the end.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let message = self.stream.as_mut().and_then(receive);
        self.seen.extend(message.as_deref().map(describe));
        message.unwrap_or_default()
    }

    /// What a challenge that it receives is made of.
    pub(crate) fn receive_challenge(&mut self) -> Vec<u8> {
        self.receive().strip_prefix(CHALLENGE).unwrap_or_default().to_vec()
    }

    /// Sends no more.
    pub(crate) fn end(&mut self) {
        if let Some(stream) = &self.stream {
            stream.end().unwrap();
        }
    }

    /// Connects once more, to stay as silent there.
    pub(crate) fn call_again(&mut self) {
        let address = self.stream.as_ref().unwrap().peer_address().unwrap();
        self.second = Some(Stream::connect(&address).unwrap());
    }

    /// Closes.
    pub(crate) fn leave(&mut self) {
        self.stream = None;
    }

    /// Closes once there is something to read, without reading it.
    pub(crate) fn leave_unread(&mut self) {
        if let Some(stream) = self.stream.take() {
            poll(&mut [PollFd::new(&stream, PollFlags::IN)], None).unwrap();
        }
    }

    /// Closes so that TCP resets.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    }

    /// Everything it saw, until the other side closes.
    pub(crate) fn into_seen(mut self) -> String {
        while !self.receive().is_empty() {}
        if let Some(stream) = &mut self.stream {
            let end = stream.read(&mut [0]);
            if end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                self.seen.push("NO END".to_owned());
            }
        }
        if self.seen.is_empty() { "nothing".to_owned() } else { self.seen.join(", ") }
    }
}

/// The form of a message. None is quoted: they are random.
fn describe(message: &[u8]) -> String {
    match message {
        WELCOME => "welcome".to_owned(),
        FAILURE => "failure".to_owned(),
        _ => match message.strip_prefix(CHALLENGE) {
            Some(challenge) => format!("challenge {}", describe_bytes(challenge)),
            None => describe_bytes(message),
        },
    }
}

fn describe_bytes(bytes: &[u8]) -> String {
    if let Some(rest) = bytes.strip_suffix(&CLIENT_MARK) {
        return format!("{}+mark", describe_bytes(rest));
    }
    let prefix = bytes.iter().position(|&byte| byte == b'}').filter(|_| bytes.starts_with(b"{"));
    match prefix {
        Some(end) => {
            format!("{}+{}", String::from_utf8_lossy(&bytes[..=end]), bytes.len() - end - 1)
        }
        None => format!("{} bytes", bytes.len()),
    }
}

/// How a peer that holds the key cuts its messages up. All of them are legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A write each.
    Plain,
    /// As many in one write as can be known.
    Pipelined,
    ByteByByte,
    /// Behind headers of 64 bits, which they do not need.
    Extended,
}

impl Hostile {
    fn send_cut(&mut self, cut: Cut, messages: &[&[u8]]) {
        let frames: Vec<_> = match cut {
            Cut::Extended => messages.iter().map(|message| extended_frame(message)).collect(),
            _ => messages.iter().map(|message| frame(message)).collect(),
        };
        match cut {
            Cut::Plain | Cut::Extended => frames.iter().for_each(|frame| self.write(frame)),
            Cut::Pipelined => self.write(&frames.concat()),
            Cut::ByteByByte => frames.concat().chunks(1).for_each(|byte| {
                self.write(byte);
                // So that each is read by itself, mostly.
                thread::sleep(Duration::from_micros(200));
            }),
        }
    }

    /// Goes through the handshake as a client that has the key, and then sends these messages.
    pub(crate) fn join(&mut self, cut: Cut, then: &[&[u8]]) {
        let challenge = self.receive_challenge();
        self.send_cut(cut, &[&prefixed(&challenge), &own_challenge()]);
        self.receive(); // The verdict,
        self.receive(); // and the response.
        self.send_cut(cut, &[&[WELCOME], then].concat());
    }

    /// The same as a listener.
    pub(crate) fn admit(&mut self, cut: Cut) {
        // Whatever the response is going to be.
        self.send_cut(cut, &[&own_challenge(), WELCOME]);
        self.receive();
        let challenge = self.receive_challenge();
        self.send_cut(cut, &[&prefixed(&challenge), HELLO]);
    }
}

/// The right answer as CPython 3.12 gives it.
pub(crate) fn prefixed(challenge: &[u8]) -> Vec<u8> {
    [b"{sha256}", sha256(KEY, challenge).as_slice()].concat()
}

/// A challenge as CPython 3.12 makes it.
pub(crate) fn own_challenge() -> Vec<u8> {
    challenge(&[&b"{sha256}"[..], &[b'x'; 40]].concat())
}
