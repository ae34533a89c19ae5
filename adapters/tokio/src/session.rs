//! Holding the handshake.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use mpconn::{Address, Error, Inbox, Negotiation, Operation, Proof, Role};
use mpconn_sockets::{Admitted, Session};
use tokio::time::{Instant, Sleep, sleep};

use crate::transport::{flush, for_now};
use crate::{Connection, Transport};

/// Holds the handshake over `transport`, if there is a key, within its deadline.
pub(crate) async fn establish<T: Transport>(
    session: &Session,
    transport: T,
    role: Role,
    peer: Option<Address>,
) -> Result<Connection<T>, Error> {
    let mut inbox = Inbox::new();
    let mut authenticated = None;
    if let Some(mut negotiation) = session.negotiation(role)? {
        let timeout = session.handshake_timeout;
        match negotiate(&mut negotiation, &transport, &mut inbox, timeout).await {
            Some(proof) => authenticated = Some(proof?),
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

/// Drives a handshake to its end; `None` when the time is up first.
pub(crate) async fn negotiate<K: AsRef<[u8]>, P: Proof, T: Transport>(
    negotiation: &mut Negotiation<K, P>,
    transport: &T,
    inbox: &mut Inbox,
    timeout: Option<Duration>,
) -> Option<Result<P, Error>> {
    let driven = async {
        let proof = poll_fn(|cx| poll_drive(cx, negotiation, transport, inbox)).await?;
        flush(transport).await?;
        Ok(proof)
    };
    within(timeout, pin!(driven)).await
}

/// Goes on with a handshake as far as the transport lets it.
pub(crate) fn poll_drive<K: AsRef<[u8]>, P: Proof, T: Transport>(
    cx: &mut Context<'_>,
    negotiation: &mut Negotiation<K, P>,
    transport: &T,
    inbox: &mut Inbox,
) -> Poll<Result<P, Error>> {
    let driven = negotiation.drive(inbox, |operation| {
        for_now(match operation {
            Operation::Write(bytes) => transport.poll_send(cx, &[IoSlice::new(bytes)]),
            // The peer does not answer what it was not sent.
            Operation::Read(space) => match transport.poll_flush(cx) {
                Poll::Ready(Ok(())) => transport.poll_receive(cx, space),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            },
        })
    });
    match driven? {
        Some(proof) => Poll::Ready(Ok(proof)),
        None => Poll::Pending,
    }
}

/// `None` when the time is up first.
///
/// No `async fn`, which would hold the future twice, and the timer is made when it is needed, on the
/// heap: what an idle connection waits in stays small.
pub(crate) fn within<F: Future + Unpin>(
    timeout: Option<Duration>,
    mut future: F,
) -> impl Future<Output = Option<F::Output>> {
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(move |cx| {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(timeout) = timeout else { return Poll::Pending };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        let is_up = timer.as_mut().poll(cx).is_ready();
        // The timer waits for the task's next turn when the future has used this one up.
        if is_up || timer.deadline() <= Instant::now() {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
}
