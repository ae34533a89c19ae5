//! A ring of completions in memory, which runs everywhere: many conversations, whose operations
//! complete in any order and in part, as io_uring's and IOCP's may.
//!
//! ```text
//! cargo run --bin memory_ring [conversations]
//! ```

use std::collections::VecDeque;

use getrandom::SysRng;
use mpconn::{AuthKey, Error, Handshake, Policy};
use mpconn_examples::completion::{Next, Operation, Session};
use mpconn_examples::{accepting, turned_round};

/// The messages of each client, in bytes.
const SIZES: [usize; 5] = [0, 1, 255, 16 * 1024, 100_000];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let conversations = std::env::args().nth(1).map_or(Ok(100), |number| number.parse())?;
    let completions = hold(conversations, 1)?;
    println!("{conversations} clients were served, with {completions} completions");
    Ok(())
}

/// Holds so many conversations at once, and gives the number of completions.
fn hold(conversations: usize, seed: u64) -> Result<u64, Box<dyn std::error::Error>> {
    let key = AuthKey::generate(&mut SysRng)?;
    let mut sides: Vec<Side> = Vec::new();
    let mut ring = Ring::new(2 * conversations, seed);
    for _ in 0..conversations {
        let connecting = Handshake::connecting(key.clone(), &Policy::COMPAT, &mut SysRng)?;
        sides.push(Session::new(connecting, Box::new(client())));
        sides.push(Session::new(accepting(&key)?, Box::new(serve)));
    }
    for (number, side) in sides.iter_mut().enumerate() {
        ring.submit(number, side.next_operation()?);
    }
    let mut completions = 0;
    while let Some((number, operation, n)) = ring.complete() {
        completions += 1;
        let side = &mut sides[number];
        let taken = match operation {
            Operation::Read(buffer, _) => side.read(buffer, n),
            Operation::Write(buffer, _) => {
                side.wrote(buffer, n);
                Ok(())
            }
            Operation::Close => unreachable!("it is nothing to complete"),
        };
        match taken.and_then(|()| side.next_operation()) {
            Ok(operation) => ring.submit(number, operation),
            // The client has closed, after the last answer.
            Err(Error::Ended) => ring.submit(number, Operation::Close),
            Err(error) => return Err(error.into()),
        }
    }
    match ring.open.iter().filter(|open| **open).count() {
        0 => Ok(completions),
        stuck => Err(format!("{stuck} sides wait for ever").into()),
    }
}

type Side = Session<Box<dyn FnMut(Option<&[u8]>) -> Next>>;

fn serve(message: Option<&[u8]>) -> Next {
    message.map_or(Next::Receive, |message| Next::Send(turned_round(message)))
}

/// Sends one message of each size, and closes after the last answer.
fn client() -> impl FnMut(Option<&[u8]>) -> Next {
    let messages = SIZES.map(|size| (0..=250).cycle().take(size).collect::<Vec<u8>>());
    let mut sent = 0;
    move |answer| {
        if let Some(answer) = answer {
            assert_eq!(answer, turned_round(&messages[sent - 1]));
        }
        sent += 1;
        messages.get(sent - 1).cloned().map_or(Next::Close, Next::Send)
    }
}

/// Side 2n is connected with side 2n + 1.
struct Ring {
    /// What is in flight. The buffers are here, and nowhere else.
    submitted: Vec<(usize, Operation)>,
    /// What was written for each side.
    arrived: Vec<VecDeque<u8>>,
    open: Vec<bool>,
    random: u64,
}

impl Ring {
    /// The bytes that a side's receive buffer holds, so that writes complete in part too.
    const CAPACITY: usize = 5000;

    fn new(sides: usize, seed: u64) -> Self {
        let arrived = vec![VecDeque::new(); sides];
        Self { submitted: Vec::new(), arrived, open: vec![true; sides], random: seed }
    }

    fn submit(&mut self, side: usize, operation: Operation) {
        match operation {
            Operation::Close => self.open[side] = false,
            operation => self.submitted.push((side, operation)),
        }
    }

    /// Completes any of what can complete now, with any number of bytes.
    fn complete(&mut self) -> Option<(usize, Operation, usize)> {
        let able: Vec<_> =
            (0..self.submitted.len()).filter(|&at| self.movable(at).is_some()).collect();
        let at = *able.get(self.below(able.len()))?;
        let most = self.movable(at)?;
        let n = if most == 0 { 0 } else { 1 + self.below(most) };
        let (side, mut operation) = self.submitted.swap_remove(at);
        match &mut operation {
            Operation::Read(buffer, from) => {
                for (place, byte) in buffer[*from..].iter_mut().zip(self.arrived[side].drain(..n)) {
                    *place = byte;
                }
            }
            Operation::Write(buffer, from) => {
                self.arrived[side ^ 1].extend(&buffer[*from..][..n]);
            }
            Operation::Close => {}
        }
        Some((side, operation, n))
    }

    /// How many bytes an operation can move at most; 0 at the end of what it reads.
    fn movable(&self, at: usize) -> Option<usize> {
        let (side, operation) = &self.submitted[at];
        match operation {
            Operation::Read(buffer, from) => {
                let there = self.arrived[*side].len().min(buffer.len() - from);
                (there > 0 || !self.open[side ^ 1]).then_some(there)
            }
            Operation::Write(buffer, from) => {
                let room = Self::CAPACITY - self.arrived[side ^ 1].len();
                (room > 0).then_some(room.min(buffer.len() - from))
            }
            Operation::Close => None,
        }
    }

    /// A number below `end`, the same ones for the same seed: a linear congruential generator.
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
            assert!(super::hold(5, seed).unwrap() > 5 * 20);
        }
    }
}
