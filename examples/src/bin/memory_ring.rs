//! A ring of completions in memory, which runs everywhere: many connections, whose operations
//! complete in any order and in part, as those of io_uring and IOCP may.
//!
//! ```text
//! cargo run --bin memory_ring [connections]
//! ```

use std::collections::VecDeque;

use getrandom::SysRng;
use mpconn::{AuthKey, Connection, ConnectionEvent, Handshake, Policy};
use mpconn_examples::{Error, MAX_MESSAGE_BYTES, accepting, answer, reversed};

/// The messages of each client, in bytes.
const SIZES: [usize; 5] = [0, 1, 255, 16 * 1024, 100_000];

/// How many bytes may be on their way to a side, so that writes are partial too.
const CAPACITY: usize = 5000;

fn main() -> Result<(), Error> {
    let connections = std::env::args().nth(1).map_or(Ok(100), |number| number.parse())?;
    let completions = run(connections, 1)?;
    println!("{connections} clients were served, with {completions} completions");
    Ok(())
}

/// Runs so many connections at once. Returns the number of completions.
fn run(connections: usize, seed: u64) -> Result<u64, Error> {
    let key = AuthKey::generate(&mut SysRng)?;
    let mut ring = Ring { sides: Vec::new(), submitted: Vec::new(), random: seed };
    for _ in 0..connections {
        let handshake = Handshake::connecting(key.clone(), &Policy::COMPAT, &mut SysRng)?; // 1
        let client = Connection::new(handshake, MAX_MESSAGE_BYTES);
        ring.sides.push(Side::new(client, SIZES.into()));
        ring.sides.push(Side::new(accepting(&key)?, VecDeque::new()));
    }
    for side in 0..ring.sides.len() {
        ring.drive(side)?;
    }
    let mut completions = 0;
    while ring.complete()? {
        completions += 1;
    }
    match ring.sides.iter().filter(|side| side.is_open).count() {
        0 => Ok(completions),
        open => Err(format!("{open} sides never ended").into()),
    }
}

/// Side 2n, a client, is connected with side 2n + 1, its server.
struct Side {
    connection: Connection<AuthKey>,
    /// The sizes of the messages that a client sends next. The first one is not answered yet.
    to_send: VecDeque<usize>,
    arrived: VecDeque<u8>,
    is_open: bool,
}

/// An operation in flight. Its memory is here, and nowhere else.
enum Operation {
    Read(Vec<u8>, usize),
    Write(Vec<u8>, usize),
}

struct Ring {
    sides: Vec<Side>,
    submitted: Vec<(usize, Operation)>,
    random: u64,
}

impl Side {
    fn new(connection: Connection<AuthKey>, to_send: VecDeque<usize>) -> Self {
        Self { connection, to_send, arrived: VecDeque::new(), is_open: true }
    }

    /// Sends one message after another, and returns `false` after the last answer. (2)
    fn ask(&mut self) -> Result<bool, Error> {
        while let Some(event) = self.connection.poll()? {
            if event == ConnectionEvent::Message {
                let sent = self.to_send.pop_front().map(message);
                assert_eq!(
                    Some(self.connection.message()),
                    sent.map(|it| reversed(&it)).as_deref()
                );
            }
            match self.to_send.front() {
                Some(&size) => self.connection.send(&message(size))?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn message(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

impl Ring {
    /// Submits the next operation of a side.
    fn drive(&mut self, number: usize) -> Result<(), Error> {
        let side = &mut self.sides[number];
        let is_client = number.is_multiple_of(2);
        side.is_open = if is_client { side.ask()? } else { answer(&mut side.connection)? };
        if !side.is_open {
            return Ok(());
        }
        let operation = match side.connection.start_write() {
            Some((memory, from)) => Operation::Write(memory, from), // 3
            None => {
                let (memory, from) = side.connection.start_read(); // 4
                Operation::Read(memory, from)
            }
        };
        self.submitted.push((number, operation));
        Ok(())
    }

    /// Completes any operation that can complete, with any number of bytes.
    fn complete(&mut self) -> Result<bool, Error> {
        let able: Vec<_> =
            (0..self.submitted.len()).filter(|&at| self.movable(at).is_some()).collect();
        let Some(&at) = able.get(self.below(able.len())) else { return Ok(false) };
        let most = self.movable(at).unwrap_or(0);
        let n = if most == 0 { 0 } else { 1 + self.below(most) };
        let (number, operation) = self.submitted.swap_remove(at);
        match operation {
            Operation::Read(mut memory, from) => {
                let side = &mut self.sides[number];
                for (place, byte) in memory[from..].iter_mut().zip(side.arrived.drain(..n)) {
                    *place = byte;
                }
                side.connection.finish_read(memory, n);
                if n == 0 {
                    side.connection.received_eof();
                }
            }
            Operation::Write(memory, from) => {
                self.sides[number ^ 1].arrived.extend(&memory[from..from + n]);
                self.sides[number].connection.finish_write(memory, n);
            }
        }
        self.drive(number)?;
        Ok(true)
    }

    /// Returns how many bytes an operation can move: 0 at the end of the stream, `None` if it
    /// waits.
    fn movable(&self, at: usize) -> Option<usize> {
        let (number, operation) = &self.submitted[at];
        let (side, peer) = (&self.sides[*number], &self.sides[number ^ 1]);
        match operation {
            Operation::Read(memory, from) => {
                let n = side.arrived.len().min(memory.len() - from);
                (n > 0 || !peer.is_open).then_some(n)
            }
            Operation::Write(memory, from) => {
                let room = CAPACITY - peer.arrived.len();
                (room > 0).then_some(room.min(memory.len() - from))
            }
        }
    }

    /// Returns a number below `end`, the same ones for a seed: a linear congruential generator.
    fn below(&mut self, end: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap_or(0) % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn in_any_order_and_in_part() {
        for seed in 0..20 {
            assert!(super::run(5, seed).unwrap() > 5 * 20);
        }
    }
}
