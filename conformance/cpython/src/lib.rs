//! This library in place of `multiprocessing.connection`, under the names that it has there, so
//! that CPython's own tests run over it. `python/sitecustomize.py` puts it there.

mod calls;
mod connection;
mod error;
mod handshake;
mod listener;
mod shared;
mod slot;
mod wait;

use pyo3::prelude::*;

#[pymodule]
mod mpconn_cpython {
    #[pymodule_export]
    use crate::connection::{Connection, pipe};
    #[pymodule_export]
    use crate::handshake::{
        answer_challenge, create_response, deliver_challenge, verify_challenge,
    };
    #[pymodule_export]
    use crate::listener::{Listener, client};
    #[pymodule_export]
    use crate::wait::wait;
}
