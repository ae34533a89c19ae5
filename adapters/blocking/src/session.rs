//! Holding the handshake.

use std::io;

use mpconn::{Address, Error, Inbox, Negotiation, Operation, Proof, Role};
use mpconn_sockets::{Admitted, Session};

use crate::{Connection, Deadline, Transport};

/// Holds the handshake over `transport`, if there is a key, within its deadline.
pub(crate) fn establish<T: Transport>(
    session: &Session,
    transport: T,
    role: Role,
    peer: Option<Address>,
) -> Result<Connection<T>, Error> {
    let mut inbox = Inbox::new();
    let mut authenticated = None;
    if let Some(mut negotiation) = session.negotiation(role)? {
        let deadline = Deadline::after(session.handshake_timeout);
        match drive(&mut negotiation, &transport, &mut inbox, deadline)? {
            Some(proof) => authenticated = Some(proof),
            None => return Err(negotiation.give_up()),
        }
    }
    Ok(open(session, Admitted { socket: transport, peer, inbox, authenticated }))
}

/// A connection whose handshake is over, or that has none.
pub(crate) fn open<T>(session: &Session, mut admitted: Admitted<T>) -> Connection<T> {
    admitted.inbox.open(session.max_message);
    let mut connection = Connection::opened(admitted);
    connection.set_max_message(session.max_message);
    connection.set_extended(session.extended);
    connection
}

/// Goes on with a handshake until it ends, or the deadline comes.
pub(crate) fn drive<K: AsRef<[u8]>, P: Proof, T: Transport>(
    negotiation: &mut Negotiation<K, P>,
    transport: &T,
    inbox: &mut Inbox,
    deadline: Deadline,
) -> Result<Option<P>, Error> {
    negotiation.drive(inbox, |operation| match operation {
        Operation::Write(bytes) => transport.send(&[io::IoSlice::new(bytes)], deadline),
        Operation::Read(space) => transport.receive(space, deadline),
    })
}
