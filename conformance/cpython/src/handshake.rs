//! The handshake, over whatever sends and receives whole messages.

use getrandom::SysRng;
use mpconn::fuzzing::{respond, verify};
use mpconn::{Dialect, Digest, Handshake, MAX_MESSAGE, Role, StartError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::calls;
use crate::error::to_python;
use crate::listener::POLICY;

/// Who calls these functions by themselves: the server of a manager, whose `Listener` has no key.
/// A `Client` holds its whole handshake.
const ROLE: Role = Role::Listener;

#[pyfunction]
#[pyo3(signature = (connection, authkey, digest_name="sha256"))]
pub(crate) fn deliver_challenge(
    connection: &Bound<'_, PyAny>,
    authkey: &[u8],
    digest_name: &str,
) -> PyResult<()> {
    let digest = Digest::ALL
        .into_iter()
        .find(|digest| digest.name() == digest_name)
        .ok_or_else(|| PyValueError::new_err("unsupported digest"))?;
    let policy = POLICY.challenge_with(digest);
    drive(connection, Handshake::delivering(authkey, ROLE, &policy, &mut SysRng))
}

#[pyfunction]
pub(crate) fn answer_challenge(connection: &Bound<'_, PyAny>, authkey: &[u8]) -> PyResult<()> {
    drive(connection, Handshake::answering(authkey, ROLE, &POLICY, &mut SysRng))
}

fn drive(
    connection: &Bound<'_, PyAny>,
    handshake: Result<Handshake<&[u8], Dialect>, StartError<getrandom::Error>>,
) -> PyResult<()> {
    calls::count()?;
    let mut handshake = handshake.map_err(|error| PyValueError::new_err(error.to_string()))?;
    loop {
        let next = match handshake {
            Handshake::Send(step) => {
                let message = PyBytes::new(connection.py(), step.message());
                connection.call_method1("send_bytes", (message,))?;
                step.sent()
            }
            Handshake::Receive(step) => {
                let message = connection.call_method1("recv_bytes", (MAX_MESSAGE,))?;
                step.receive(message.extract()?)
            }
            Handshake::Done(_) => return Ok(()),
        };
        handshake = next.map_err(|error| to_python(error.into()))?;
    }
}

#[pyfunction(name = "_create_response")]
pub(crate) fn create_response<'py>(
    py: Python<'py>,
    authkey: &[u8],
    message: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    calls::count()?;
    let (response, _) =
        respond(authkey, ROLE, &POLICY, message).map_err(|error| to_python(error.into()))?;
    Ok(PyBytes::new(py, response.as_ref()))
}

#[pyfunction(name = "_verify_challenge")]
pub(crate) fn verify_challenge(authkey: &[u8], message: &[u8], response: &[u8]) -> PyResult<()> {
    calls::count()?;
    verify(authkey, &POLICY, message, response).map(|_| ()).map_err(|error| to_python(error.into()))
}
