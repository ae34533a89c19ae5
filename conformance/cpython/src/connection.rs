//! `Connection` and `Pipe`.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use mpconn_blocking::{Receiver, Sender, Socket};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::calls;
use crate::error::to_python;
use crate::shared::Shared;
use crate::slot::Slot;

/// In two halves, since one thread may send while another one receives.
#[pyclass(frozen, weakref, module = "multiprocessing.connection")]
pub(crate) struct Connection {
    fd: RawFd,
    receiver: Option<Slot<Receiver<Shared>>>,
    sender: Option<Slot<Sender<Shared>>>,
}

impl Connection {
    fn over(socket: Socket, unread: Vec<u8>, readable: bool, writable: bool) -> Self {
        let fd = socket.as_fd().as_raw_fd();
        let shared = Shared::new(socket, &unread);
        let mut connection = mpconn_blocking::Connection::resumed(shared, unread);
        connection.set_max_message(u64::MAX);
        let (receiver, sender) = connection.split();
        Self {
            fd,
            receiver: readable.then(|| Slot::new(receiver)),
            sender: writable.then(|| Slot::new(sender)),
        }
    }

    pub(crate) fn open(connection: mpconn_blocking::Connection) -> Self {
        let parts = connection.into_parts().expect("neither closed nor split");
        let (socket, unread) = parts.into_transport().expect("nothing was sent");
        Self::over(socket, unread, true, true)
    }

    /// Whether there is something to receive. While another thread receives, there is nothing that
    /// the descriptor does not tell.
    pub(crate) fn is_ready(&self) -> PyResult<bool> {
        match self.receiver()?.take_if_free() {
            Some(receiver) => receiver.poll(Duration::ZERO).map_err(to_python),
            None => Ok(false),
        }
    }

    fn receiver(&self) -> PyResult<&Slot<Receiver<Shared>>> {
        self.receiver.as_ref().ok_or_else(|| PyOSError::new_err("connection is write-only"))
    }

    fn sender(&self) -> PyResult<&Slot<Sender<Shared>>> {
        self.sender.as_ref().ok_or_else(|| PyOSError::new_err("connection is read-only"))
    }
}

#[pymethods]
impl Connection {
    #[new]
    #[pyo3(signature = (handle, readable=true, writable=true))]
    fn new(py: Python<'_>, handle: RawFd, readable: bool, writable: bool) -> PyResult<Self> {
        calls::count()?;
        if handle < 0 {
            return Err(PyValueError::new_err("invalid handle"));
        }
        if !readable && !writable {
            return Err(PyValueError::new_err("neither readable nor writable"));
        }
        let fd = duplicate(handle)?;
        py.import("os")?.call_method1("close", (handle,))?;
        Ok(Self::over(fd.into(), Vec::new(), readable, writable))
    }

    #[getter]
    fn closed(&self) -> bool {
        self.receiver.as_ref().is_none_or(Slot::is_closed)
            && self.sender.as_ref().is_none_or(Slot::is_closed)
    }

    #[getter]
    fn readable(&self) -> bool {
        self.receiver.is_some()
    }

    #[getter]
    fn writable(&self) -> bool {
        self.sender.is_some()
    }

    pub(crate) fn fileno(&self) -> PyResult<RawFd> {
        if self.closed() { Err(PyOSError::new_err("handle is closed")) } else { Ok(self.fd) }
    }

    fn close(&self) {
        self.receiver.as_ref().map(Slot::close);
        self.sender.as_ref().map(Slot::close);
    }

    #[pyo3(signature = (buf, offset=0, size=None))]
    fn send_bytes(
        &self,
        buf: &Bound<'_, PyAny>,
        offset: isize,
        size: Option<isize>,
    ) -> PyResult<()> {
        let bytes = bytes_of(buf)?.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        let message = part(bytes.as_bytes(), offset, size)
            .ok_or_else(|| PyValueError::new_err("no such part of the buffer"))?;
        self.sender()?.with(buf.py(), |sender| sender.send_bytes(message))
    }

    #[pyo3(signature = (maxlength=None))]
    fn recv_bytes<'py>(
        &self,
        py: Python<'py>,
        maxlength: Option<i64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let max = maxlength.map_or(Ok(u64::MAX), u64::try_from)?;
        let message = self.receiver()?.with(py, |receiver| receiver.recv_bytes_max(max))?;
        Ok(PyBytes::new(py, &message))
    }

    #[pyo3(signature = (buf, offset=0))]
    fn recv_bytes_into(&self, buf: &Bound<'_, PyAny>, offset: usize) -> PyResult<usize> {
        let bytes = bytes_of(buf)?;
        let room = bytes
            .len()?
            .checked_sub(offset)
            .ok_or_else(|| PyValueError::new_err("offset too large"))?;
        let mut message = vec![0; room];
        let length =
            self.receiver()?.with(buf.py(), |receiver| receiver.recv_bytes_into(&mut message))?;
        let [start, stop] = [offset, offset + length].map(isize::try_from);
        let place = PySlice::new(buf.py(), start?, stop?, 1);
        bytes.set_item(place, PyBytes::new(buf.py(), &message[..length]))?;
        Ok(length)
    }

    #[pyo3(signature = (timeout=Some(0.0)))]
    fn poll(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let timeout = timeout.map(duration);
        self.receiver()?.with(py, |receiver| receiver.poll(timeout))
    }

    fn send(&self, obj: &Bound<'_, PyAny>) -> PyResult<()> {
        let pickle = pickler(obj.py())?.call_method1("dumps", (obj,))?;
        self.send_bytes(&pickle, 0, None)
    }

    fn recv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pickle = self.recv_bytes(py, None)?;
        pickler(py)?.call_method1("loads", (pickle,))
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyAny>) {
        self.close();
    }
}

#[pyfunction(name = "Pipe")]
#[pyo3(signature = (duplex=true))]
pub(crate) fn pipe(duplex: bool) -> PyResult<(Connection, Connection)> {
    if duplex {
        let (one, other) = mpconn_blocking::pipe()?;
        return Ok((Connection::open(one), Connection::open(other)));
    }
    let (receiver, sender) = mpconn_blocking::one_way_pipe()?;
    let receiving = receiver.into_parts().expect("just made");
    let sending = sender.into_parts().expect("just made");
    let (receiving, unread) = receiving.into_transport().expect("just made");
    let (sending, _) = sending.into_transport().expect("just made");
    Ok((
        Connection::over(receiving, unread, true, false),
        Connection::over(sending, Vec::new(), false, true),
    ))
}

/// Another descriptor for what this process has under a number. It is the kernel that looks the
/// number up: one that is none is an error.
pub(crate) fn duplicate(number: RawFd) -> PyResult<OwnedFd> {
    let duplicate = |process: Pid| {
        let process = pidfd_open(process, PidfdFlags::empty())?;
        pidfd_getfd(process, number, PidfdGetfdFlags::empty())
    };
    duplicate(getpid())
        .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))
}

/// A timeout as Python means it: nothing below zero, and for ever where it says so.
pub(crate) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// The bytes of anything that is a buffer.
fn bytes_of<'py>(buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    PyMemoryView::from(buffer)?.call_method1("cast", ("B",))
}

fn part(bytes: &[u8], offset: isize, size: Option<isize>) -> Option<&[u8]> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    match size {
        Some(size) => rest.get(..usize::try_from(size).ok()?),
        None => Some(rest),
    }
}

fn pickler(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("multiprocessing.reduction")?.getattr("ForkingPickler")
}
