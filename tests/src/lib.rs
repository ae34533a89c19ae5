//! What the tests with real peers have in common.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "this package is not published, and `driven` mirrors the tokio adapter"
)]

pub mod content;
pub mod driven;
#[cfg(unix)]
pub mod net;
#[cfg(unix)]
pub mod over;
#[cfg(unix)]
pub mod process;
pub mod python;
pub mod pythons;
pub mod script;
pub mod scripted;
#[cfg(unix)]
pub mod soak;
pub mod stall;
#[cfg(unix)]
pub mod wire;

/// The Rust in the documents, compiled by `cargo test --doc`. `tests/documents.rs` sees to it that
/// none is left out, and runs the Python.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/moving-over.md")]
    struct MovingOver;
}
