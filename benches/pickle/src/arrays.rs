//! An array of 64 MiB over a connection, beside its pickle, against the same bytes as a message.

use std::error::Error;
use std::hint::black_box;
use std::thread;
use std::time::Instant;

use mpconn_blocking::{Connection, pipe};
use mpconn_pickle::{Decoder, Encoder, NdArray, Protocol};

use crate::ROUNDS;

const ELEMENTS: usize = 8 << 20;

/// An array arrives at this part of the speed of its bytes, at least.
const LEAST: f64 = 0.9;

/// Prints the median of each round's ratio, and tells whether it is high enough.
pub fn compare() -> Result<bool, Box<dyn Error>> {
    let (mut here, there) = pipe()?;
    let sender = thread::spawn(move || send(there).map_err(|error| error.to_string()));
    let mut ratios = Vec::new();
    for _ in 0..=ROUNDS {
        let bytes = time(&mut here, |here| Ok(here.recv_bytes()?.len()))?;
        let array = time(&mut here, receive_array)?;
        ratios.push(bytes / array);
    }
    drop(here);
    sender.join().map_err(|_| "the sender panicked")??;
    // The first round is for warming up.
    let mut ratios = ratios.split_off(1);
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let verdict = if median < LEAST { "  below target" } else { "" };
    println!("64 MiB array beside its pickle: {median:.2} of recv_bytes{verdict}");
    Ok(median >= LEAST)
}

/// Waits for an order before each message, so that none is sent ahead.
fn send(mut there: Connection) -> Result<(), Box<dyn Error>> {
    let elements: Vec<f64> = vec![1.5; ELEMENTS];
    let array = NdArray::from_elements(&[ELEMENTS / 2, 2], &elements)?;
    let encoder = Encoder::new().protocol(Protocol::V5);
    for _ in 0..=ROUNDS {
        there.recv_bytes()?;
        there.send_bytes(array.as_bytes())?;
        there.recv_bytes()?;
        there.send_bytes(&encoder.to_bytes(&array.out_of_band())?)?;
        there.send_bytes(array.as_bytes())?;
    }
    Ok(())
}

fn time(
    here: &mut Connection,
    receive: impl FnOnce(&mut Connection) -> Result<usize, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let begin = Instant::now();
    here.send_bytes(b"")?;
    assert_eq!(receive(here)?, 8 * ELEMENTS);
    Ok(begin.elapsed().as_nanos() as f64)
}

fn receive_array(here: &mut Connection) -> Result<usize, Box<dyn Error>> {
    let decoder = Decoder::new();
    let pickle = here.recv_bytes()?;
    let buffers: Result<Vec<_>, _> =
        (0..decoder.count_buffers(&pickle)?).map(|_| here.recv_bytes()).collect();
    let buffers = buffers?;
    let pickle = decoder.parse_with_buffers(&pickle, buffers.iter().map(Vec::as_slice))?;
    let array: NdArray<'_> = pickle.to()?;
    let elements: &[f64] = array.as_slice().ok_or("the elements are aligned")?;
    Ok(size_of_val(black_box(elements)))
}
