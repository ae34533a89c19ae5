//! Holding the handshake.

use std::io::IoSlice;

use mpconn::{Address, HandshakeDriver, MAX_MESSAGE, Proof, RecvBuffer, Role, SendBuffer};
use mpconn_sockets::{Admitted, Error, Operation, Session, pipelines, timed_out};

use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::transport::Transport;

/// Holds the handshake over `transport`, if there is a key, within its deadline.
pub(crate) fn establish<T: Transport>(
    session: &Session,
    transport: T,
    role: Role,
    peer: Option<Address>,
) -> Result<Connection<T>, Error> {
    let mut recv = RecvBuffer::new(MAX_MESSAGE as u64);
    recv.set_read_ahead(session.read_ahead);
    let mut authenticated = None;
    if let Some(handshake) = session.handshake(role)? {
        let mut driver = HandshakeDriver::new(handshake);
        driver.set_pipelining(pipelines(role, peer.as_ref()));
        let deadline = Deadline::after(session.handshake_timeout);
        match drive(&mut driver, &transport, &mut recv, &mut SendBuffer::new(), deadline)? {
            Some(proof) => authenticated = Some(proof),
            None => return Err(timed_out(&driver)),
        }
    }
    recv.set_max(session.max_message);
    let admitted = Admitted { socket: transport, peer, recv, authenticated };
    let mut connection = open(session, role, admitted);
    if session.key.is_none() && role == Role::Client {
        connection.receiver_mut().refuse_challenge();
    }
    Ok(connection)
}

/// A connection whose handshake is over, or that has none.
pub(crate) fn open<T>(session: &Session, role: Role, admitted: Admitted<T>) -> Connection<T> {
    let mut connection = Connection::opened(admitted, (role, session.policy.clone()));
    connection.set_extended(session.extended);
    connection
}

/// Continues with a handshake until it ends, or the deadline comes.
pub(crate) fn drive<K: AsRef<[u8]>, P: Proof, T: Transport>(
    driver: &mut HandshakeDriver<K, P>,
    transport: &T,
    recv: &mut RecvBuffer,
    send: &mut SendBuffer,
    deadline: Deadline,
) -> Result<Option<P>, Error> {
    let proof = mpconn_sockets::drive(driver, recv, send, |operation| match operation {
        Operation::Write(bytes) => transport.send(&[IoSlice::new(bytes)], deadline),
        // The peer does not answer what it was not sent.
        Operation::Read(_) if !transport.flush(deadline)? => Ok(None),
        Operation::Read(space) => transport.receive(space, deadline),
    })?;
    Ok(if proof.is_some() && !transport.flush(deadline)? { None } else { proof })
}
