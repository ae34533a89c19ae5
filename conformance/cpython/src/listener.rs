//! `Listener` and `Client`.

use std::sync::{Mutex, PoisonError};

use mpconn_blocking::{
    Address, AuthKey, Closer, ConnectOptions, Error, Family, ListenerOptions, Policy,
};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::calls;
use crate::connection::Connection;
use crate::error::to_python;
use crate::slot::Slot;

/// What CPython 3.13 accepts.
pub(crate) const POLICY: Policy = Policy::COMPAT.allow_empty_key();

#[pyclass(frozen, weakref, subclass, module = "multiprocessing.connection")]
pub(crate) struct Listener {
    listener: Slot<mpconn_blocking::Listener>,
    closer: Closer,
    address: Address,
    last_accepted: Mutex<Option<Address>>,
}

#[pymethods]
impl Listener {
    #[new]
    #[pyo3(signature = (address=None, family=None, backlog=1, authkey=None))]
    fn new(
        address: Option<&Bound<'_, PyAny>>,
        family: Option<&str>,
        backlog: u16,
        authkey: Option<&[u8]>,
    ) -> PyResult<Self> {
        calls::count()?;
        let mut options = match authkey {
            Some(key) => ListenerOptions::with_key(AuthKey::new(key)),
            None => ListenerOptions::without_key(),
        };
        options = options.policy(POLICY).backlog(backlog);
        if let Some(family) = family {
            options = options.family(family_named(family)?);
        }
        let listener = match address {
            Some(address) => options.bind(address_from(address)?),
            None => options.bind_fresh(),
        }
        .map_err(to_python)?;
        Ok(Self {
            closer: listener.closer(),
            address: listener.address().clone(),
            listener: Slot::new(listener),
            last_accepted: Mutex::new(None),
        })
    }

    fn accept(&self, py: Python<'_>) -> PyResult<Connection> {
        let (connection, peer) = self.listener.with(py, |listener| {
            let connection = listener.incoming().next().unwrap_or(Err(Error::Closed))?;
            Ok((connection, listener.last_accepted().cloned()))
        })?;
        *self.last_accepted.lock().unwrap_or_else(PoisonError::into_inner) = peer;
        Ok(Connection::open(connection))
    }

    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        address_to(py, &self.address)
    }

    #[getter]
    fn last_accepted(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let peer = self.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
        peer.as_ref().map(|peer| address_to(py, peer)).transpose()
    }

    fn close(&self) {
        if !self.listener.close() {
            self.closer.close();
        }
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyAny>) {
        self.close();
    }
}

#[pyfunction(name = "Client")]
#[pyo3(signature = (address, family=None, authkey=None))]
pub(crate) fn client(
    address: &Bound<'_, PyAny>,
    family: Option<&str>,
    authkey: Option<&[u8]>,
) -> PyResult<Connection> {
    calls::count()?;
    family.map(family_named).transpose()?;
    let options = match authkey {
        Some(key) => ConnectOptions::with_key(AuthKey::new(key)),
        None => ConnectOptions::without_key(),
    }
    .policy(POLICY);
    let at = address_from(address)?;
    let connection = address.py().detach(|| options.connect(at)).map_err(to_python)?;
    Ok(Connection::open(connection))
}

fn family_named(name: &str) -> PyResult<Family> {
    [Family::Inet, Family::Inet6, Family::Unix, Family::Pipe]
        .into_iter()
        .find(|family| family.to_string() == name)
        .ok_or_else(|| PyValueError::new_err("unrecognized family"))
}

/// The type tells the family.
fn address_from(address: &Bound<'_, PyAny>) -> PyResult<Address> {
    if let Ok((host, port)) = address.extract::<(String, u16)>() {
        return Ok((host, port).into());
    }
    let inferred = if let Ok(text) = address.extract::<String>() {
        Address::try_from(text)
    } else if let Ok(bytes) = address.extract::<&[u8]>() {
        Address::try_from(bytes)
    } else {
        return Err(PyValueError::new_err(format!("address type of {address} unrecognized")));
    };
    inferred.map_err(|error| to_python(error.into()))
}

fn address_to(py: Python<'_>, address: &Address) -> PyResult<Py<PyAny>> {
    match address {
        Address::Inet { host, port } => (host, *port).into_py_any(py),
        Address::Unix(path) => path.as_os_str().into_py_any(py),
        Address::Abstract(name) => PyBytes::new(py, &[b"\0", &name[..]].concat()).into_py_any(py),
        other => other.to_string().into_py_any(py),
    }
}
