//! Honest and hostile peers for so many seconds, 60 unless told otherwise; see `soak.rs`.
//!
//! ```text
//! cargo run --release -p mpconn-tests --bin soak -- [SECONDS]
//! ```

use std::env;
use std::num::ParseIntError;
use std::time::Duration;

use mpconn_tests::soak::soak;

fn main() -> Result<(), ParseIntError> {
    let seconds = env::args().nth(1).map_or(Ok(60), |seconds| seconds.parse())?;
    print!("{}", soak(Duration::from_secs(seconds)));
    Ok(())
}
