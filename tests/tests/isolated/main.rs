//! Tests that need a process of their own, because they measure or change something that belongs to
//! the whole process: memory, open descriptors and their limit, the umask, the working directory, or
//! the allocator. [`alone`](mpconn_tests::process::alone) runs such a test in a child process.
#![allow(clippy::duplicate_mod, reason = "shared/ is compiled once for each adapter")]

mod blocking;
mod idle;
mod no_alloc;
mod soak;
mod tokio;
mod wait_shortage;
