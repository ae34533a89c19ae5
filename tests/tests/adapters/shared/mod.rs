//! Tests that run over both adapters. The module that includes this one names the `adapter`.

mod causes;
mod debug;
mod faults_frames;
mod faults_handshake;
mod handing_over;
mod interop;
mod keys;
mod listener;
mod objects;
mod one_way_turns;
mod relay;
mod sockets;

use super::{PYTHON_NETS, adapter};
