//! The serial link's one end with a real Python at the other, and what becomes of it with others.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use getrandom::SysRng;
use mpconn::{AuthError, FrameError, Handshake, Policy};
use mpconn_serial::{Cable, Fault, Line, Link};
use mpconn_tests::pythons;
use mpconn_tests::stall::bounded;

const KEY: &[u8] = b"a key in read-only memory";

/// The computer, whose serial line is its standard input.
const COMPUTER: &str = "
import os, sys
try:
    from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
except ImportError:
    from _multiprocessing import Connection
    from multiprocessing.connection import answer_challenge, deliver_challenge

line = Connection(os.dup(0))
key = b'a key in read-only memory'
answer_challenge(line, key)
deliver_challenge(line, key)
for size in (0, 1, 256, 257, 1024):
    line.send_bytes(b'a' * size + b'b')
    answer = line.recv_bytes()
    print(len(answer), answer == b'b' + b'a' * size)
";

/// A socket as a serial line.
struct Uart(UnixStream);

impl Line for Uart {
    fn get(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte).is_ok().then_some(byte[0])
    }

    fn put(&mut self, byte: u8) -> bool {
        self.0.write_all(&[byte]).is_ok()
    }
}

fn accepting() -> Handshake<&'static [u8]> {
    Handshake::accepting(KEY, &Policy::COMPAT, &mut SysRng).unwrap()
}

#[test]
fn a_device_answers_every_python() {
    bounded(|| {
        for python in pythons::all() {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let computer = Command::new(&python.executable)
                .args(["-c", COMPUTER])
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = String::from_utf8(serve(ours, computer)).unwrap();
            let said: String = output.chars().filter(|c| !"(),".contains(*c)).collect();
            let expected = "1 True\n2 True\n257 True\n258 True\n1025 True\n";
            assert_eq!(said, expected, "{}", python.name());
        }
    });
}

/// The device's main loop, until the computer has ended. Gives what that has printed.
fn serve(line: UnixStream, mut computer: Child) -> Vec<u8> {
    let begin = Instant::now();
    let now = || u32::try_from(begin.elapsed().as_millis()).unwrap();
    let mut device = Link::<_, 1025>::new(Uart(line), accepting(), 10_000);
    while computer.try_wait().unwrap().is_none() {
        let answer = device.poll(now()).unwrap().map(|question| {
            let mut answer = question.to_vec();
            answer.reverse();
            answer
        });
        match answer {
            Some(answer) => device.send(&answer).unwrap(),
            None => std::thread::yield_now(),
        }
    }
    computer.wait_with_output().unwrap().stdout
}

/// Polls a device while `computer` puts its bytes on the line.
fn against(mut computer: impl Iterator<Item = u8>) -> Fault {
    let cable = Cable::default();
    let [at_device, mut line] = cable.ends();
    let mut device = Link::<_, 256>::new(at_device, accepting(), 1000);
    for now in 0..=1000 {
        match device.poll(now) {
            Ok(message) => assert_eq!(message, None),
            Err(fault) => return fault,
        }
        while line.get().is_some() {}
        let _ = computer.next().is_none_or(|byte| line.put(byte));
    }
    panic!("the deadline is over");
}

#[test]
fn a_device_gives_up_on_others() {
    assert_eq!(against(std::iter::empty()), Fault::TimedOut);
    let wrong = [0, 0, 0, 16].into_iter().chain([b'x'; 16]);
    assert_eq!(against(wrong), Fault::Auth(AuthError::WrongResponse));
    let long = FrameError::TooLong { length: 257, max: 256 };
    assert_eq!(against([0, 0, 1, 1].into_iter()), Fault::Frame(long));
}

#[test]
fn a_device_and_a_computer_on_one_cable() {
    // Two challenges, answers and verdicts, and three messages both ways, with their headers.
    let handshake = 2 * (4 + 59 + 4 + 40 + 4 + 9);
    assert_eq!(mpconn_serial::hold(), Some(handshake + 2 * (3 * 4 + 100 + 1024)));
}
