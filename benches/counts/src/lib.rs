//! Objects read from pickles and written as such, in instructions an item.
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
