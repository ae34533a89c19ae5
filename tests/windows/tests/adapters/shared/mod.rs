//! Tests that run over both adapters. The module that includes this one names the `adapter`.

mod abuse;
mod interop;

use super::adapter;
