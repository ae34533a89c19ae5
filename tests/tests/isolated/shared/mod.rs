//! Tests that run over both adapters. The module that includes this one names the `adapter`.

mod crowd;
mod files;
mod hostile_peers;
mod memory;

use super::adapter;
