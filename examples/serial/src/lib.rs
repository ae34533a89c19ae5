//! The core on a serial line: no allocator, no std, a byte at a time, all buffers on the stack.
//!
//! The numbers in the comments are those of the driver's contract in `mpconn`'s documentation.
#![no_std]
#![forbid(unsafe_code)]

mod cable;
mod conversation;
mod link;

pub use cable::{Cable, End};
pub use conversation::hold;
pub use link::{Fault, Line, Link};
