//! Tests that run over both adapters. The module that includes this one names the `adapter`.

mod debug;
mod faults_frames;
mod faults_handshake;
mod interop;
mod keys;
mod listener;
mod objects;
mod relay;
mod sockets;

use super::{PYTHON_NETS, adapter};
