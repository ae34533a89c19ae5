//! Compares right and wrong responses, for `.ci/constant-time` to look at how long that takes.
//!
//! ```text
//! compare positions       each digest's response, right, then wrong at each byte of its MAC: for
//!                         valgrind, which counts the instructions of every comparison
//! compare times SAMPLES   wrong at the first byte or at the last, timed, by Welch's t test
//! ```
//!
//! Beside the library's comparison stands a control that stops at the first difference, and must be
//! found out.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use mpconn::fuzzing::{respond, verify};
use mpconn::{Digest, Policy, Role};

const KEY: &[u8] = b"a key of more than sixteen bytes";

/// Beyond this, two sets of times differ. A difference of nothing gets there once in 10^5 runs.
const MOST_T: f64 = 4.5;

/// What a comparison must never be.
#[inline(never)]
fn early_exit(mac: &[u8], claimed: &[u8]) -> bool {
    mac.len() == claimed.len() && mac.iter().zip(claimed).all(|(a, b)| black_box(a) == black_box(b))
}

/// A challenge, the right response to it, and where its MAC begins.
fn exchange(digest: Digest) -> (Vec<u8>, Vec<u8>, usize) {
    let prefix = format!("{{{digest}}}");
    let challenge = [prefix.as_bytes(), &[7; 40]].concat();
    let answered = respond(KEY, Role::Listener, &Policy::COMPAT, &challenge);
    let (response, _) = answered.expect("a challenge of ours");
    (challenge, response.as_ref().to_vec(), prefix.len())
}

fn verifies(challenge: &[u8], response: &[u8]) -> bool {
    verify(KEY, &Policy::COMPAT, black_box(challenge), black_box(response)).is_ok()
}

fn wrong_at(response: &[u8], at: usize) -> Vec<u8> {
    let mut wrong = response.to_vec();
    wrong[at] ^= 1;
    wrong
}

fn positions() {
    for digest in Digest::ALL {
        let (challenge, right, mac) = exchange(digest);
        assert!(verifies(&challenge, &right) && early_exit(&right[mac..], &right[mac..]));
        for at in mac..right.len() {
            let wrong = wrong_at(&right, at);
            assert!(!verifies(&challenge, &wrong) && !early_exit(&right[mac..], &wrong[mac..]));
        }
    }
}

/// Mean and variance of one class of times, a time at a time.
#[derive(Default)]
struct Class {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Class {
    fn add(&mut self, time: f64) {
        self.count += 1.0;
        let from_mean = time - self.mean;
        self.mean += from_mean / self.count;
        self.squares += from_mean * (time - self.mean);
    }

    /// The square of the mean's standard error.
    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// Welch's t of the times for a mismatch at the first byte and at the last. Which one comes next is
/// drawn, so that what else the machine does falls on both alike.
fn welch(samples: usize, right: &[u8], places: [usize; 2], matches: impl Fn(&[u8]) -> bool) -> f64 {
    let mut times = Vec::with_capacity(samples);
    let mut claimed = right.to_vec();
    let mut drawn = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..samples {
        drawn ^= drawn << 13;
        drawn ^= drawn >> 7;
        drawn ^= drawn << 17;
        let which = usize::from(drawn >> 63 == 1);
        // Both in the same place: another one may take longer to read.
        claimed[black_box(places[which])] ^= 1;
        let start = Instant::now();
        let matched = matches(black_box(&claimed));
        let time = start.elapsed();
        claimed[black_box(places[which])] ^= 1;
        assert!(!matched);
        times.push((which, time));
    }
    // What was interrupted says nothing of either.
    let mut sorted: Vec<_> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    let longest = sorted[samples * 9 / 10];
    let mut classes = [Class::default(), Class::default()];
    for (which, time) in times.into_iter().filter(|(_, time)| *time <= longest) {
        classes[which].add(time.as_nanos() as f64);
    }
    let [first, last] = classes;
    (first.mean - last.mean) / (first.error() + last.error()).sqrt()
}

fn times(samples: usize) -> ExitCode {
    let (challenge, right, mac) = exchange(Digest::Sha256);
    let places = [mac, right.len() - 1];
    let ours = welch(samples, &right, places, |wrong| verifies(&challenge, wrong));
    // After the library's own work, so that it is as hard to see.
    let control = welch(samples, &right, places, |wrong| {
        verifies(&challenge, &right) && early_exit(&right[mac..], &wrong[mac..])
    });
    println!("Welch's t of {samples} times each: {ours:.2}, and {control:.2} where it exits early");
    if ours.abs() < MOST_T && control.abs() > MOST_T {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["positions"] => {
            positions();
            ExitCode::SUCCESS
        }
        ["times", samples] => times(samples.parse().expect("a number of samples")),
        _ => panic!("usage: compare positions | compare times SAMPLES"),
    }
}
