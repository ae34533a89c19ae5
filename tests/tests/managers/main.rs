//! `mpconn-managers` with real Pythons, in both roles.
#![cfg(unix)]

mod client;
mod hostile;
mod jobs;
mod server;
mod support;
mod tokio;
