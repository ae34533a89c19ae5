//! Tests of the adapters on Windows: named pipes, and TCP. The modules in `shared/` run over both
//! adapters, as `blocking::shared` and, through [`mpconn_tests::driven`], as `tokio::shared`.
#![cfg(windows)]
#![allow(clippy::duplicate_mod, reason = "shared/ is compiled once for each adapter")]

mod blocking;
mod tokio;
