//! Objects read from pickles and written as such, in instructions an item, and events of a set of connections.
//!
//! A crate of its own, so that it does not decide what is inlined into the work in `main`.

use std::hint::black_box;

use mpconn_pickle::{Encoder, Protocol, from_slice};
use serde::{Deserialize, Serialize};

/// How many items a pickle of many has.
pub const ITEMS: u32 = 1_000;

#[derive(Serialize, Deserialize)]
struct Row {
    id: i64,
    name: String,
    score: f64,
    ok: bool,
}

fn row(id: u32) -> Row {
    Row { id: id.into(), name: format!("row number {id}"), score: id.into(), ok: id % 2 == 0 }
}

fn encoder() -> Encoder {
    Encoder::new().protocol(Protocol::V4)
}

fn read<T: for<'a> Deserialize<'a>>(value: &impl Serialize, times: u64) {
    let pickle = encoder().to_bytes(value).expect("it is written");
    for _ in 0..times {
        black_box(from_slice::<T>(black_box(&pickle)).expect("it is read"));
    }
}

fn write(value: &impl Serialize, times: u64) {
    let mut pickle = Vec::new();
    for _ in 0..times {
        pickle.clear();
        encoder().to_vec(black_box(value), &mut pickle).expect("it is written");
    }
}

pub fn read_struct(times: u64) {
    read::<Row>(&row(1), times);
}

pub fn read_rows(times: u64) {
    read::<Vec<Row>>(&(0..ITEMS).map(row).collect::<Vec<_>>(), times);
}

pub fn read_strings(times: u64) {
    read::<Vec<String>>(&strings(), times);
}

pub fn read_ints(times: u64) {
    read::<Vec<i64>>(&(0..ITEMS).collect::<Vec<_>>(), times);
}

pub fn write_struct(times: u64) {
    write(&row(1), times);
}

pub fn write_rows(times: u64) {
    write(&(0..ITEMS).map(row).collect::<Vec<_>>(), times);
}

pub fn write_strings(times: u64) {
    write(&strings(), times);
}

fn strings() -> Vec<String> {
    (0..ITEMS).map(|number| format!("string number {number}")).collect()
}

/// One of so many connections speaks, and the set of them finds it.
pub fn events(times: u64, connections: u64) {
    let mut set = mpconn_blocking::WaitSet::new().expect("a descriptor");
    let pairs = (0..connections).map(|_| {
        let (one, other) = mpconn_blocking::pipe().expect("a pair");
        (set.insert(one).expect("room in the set"), other)
    });
    let mut others: Vec<_> = pairs.collect();
    for turn in 0..times {
        let (key, other) = &mut others[(turn * 7 % connections) as usize];
        other.send_bytes(b"sixteen bytes it").expect("it is sent");
        assert_eq!(set.wait(None).expect("a wait"), [*key]);
        let connection = set.get_mut(*key).expect("it is in the set");
        // Borrowing it would leave its memory with the connection.
        assert_eq!(connection.recv_bytes().expect("a message"), b"sixteen bytes it");
    }
}
