//! What the tests with real peers have in common.
#![forbid(unsafe_code)]

pub mod content;
pub mod driven;
pub mod net;
pub mod over;
pub mod process;
pub mod python;
pub mod pythons;
pub mod script;
pub mod scripted;
pub mod soak;
pub mod stall;
pub mod wire;
