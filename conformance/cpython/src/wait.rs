//! `wait`.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

use pyo3::prelude::*;

use crate::calls;
use crate::connection::{Connection, duplicate, duration};

/// Waits for connections, and for what else has a descriptor or is one.
#[pyfunction]
#[pyo3(signature = (object_list, timeout=None))]
pub(crate) fn wait<'py>(
    py: Python<'py>,
    object_list: Vec<Bound<'py, PyAny>>,
    timeout: Option<f64>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    calls::count()?;
    let mut ready = BTreeSet::new();
    let mut fds = Vec::with_capacity(object_list.len());
    for (place, object) in object_list.iter().enumerate() {
        // The end of a handshake may have brought the first message along.
        if let Ok(connection) = object.cast::<Connection>()
            && connection.get().is_ready()?
        {
            ready.insert(place);
        }
        fds.push(duplicate(descriptor(object)?)?);
    }
    let timeout = if ready.is_empty() { timeout.map(duration) } else { Some(Duration::ZERO) };
    ready.extend(py.detach(|| mpconn_blocking::wait(fds.iter().map(AsFd::as_fd), timeout))?);
    Ok(ready.into_iter().map(|place| object_list[place].clone()).collect())
}

fn descriptor(object: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    object.extract().or_else(|_| object.call_method0("fileno")?.extract())
}
