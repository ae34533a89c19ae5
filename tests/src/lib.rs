//! What the tests with real peers have in common.
#![forbid(unsafe_code)]

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
