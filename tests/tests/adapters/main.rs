//! Tests of the adapters, against real Pythons where one takes part.
//!
//! The modules in `shared/` are written once and run over both adapters: as `blocking::shared` and,
//! through [`mpconn_tests::driven`], as `tokio::shared`. What only one adapter has is tested beside
//! them. Tests that need a process of their own are in the `isolated` test binary.
#![allow(clippy::duplicate_mod, reason = "shared/ is compiled once for each adapter")]

mod blocking;
mod tokio;
