//! Holding the handshake.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use mpconn::{Address, HandshakeDriver, MAX_MESSAGE, Proof, RecvBuffer, Role, SendBuffer};
use mpconn_sockets::{Admitted, Error, Operation, Session, pipelines, timed_out};
use tokio::time::{Instant, Sleep, sleep};

use crate::connection::Connection;
use crate::transport::{Transport, flush, for_now};

/// Holds the handshake over `transport`, if there is a key, within its deadline.
pub(crate) async fn establish<T: Transport>(
    session: &Session,
    transport: T,
    role: Role,
    peer: Option<Address>,
) -> Result<Connection<T>, Error> {
    let (mut recv, mut send) = (RecvBuffer::new(MAX_MESSAGE as u64), SendBuffer::new());
    recv.set_read_ahead(session.read_ahead);
    let mut authenticated = None;
    if let Some(handshake) = session.handshake(role)? {
        let mut driver = HandshakeDriver::new(handshake);
        driver.set_pipelining(pipelines(role, peer.as_ref()));
        let timeout = session.handshake_timeout;
        match negotiate(&mut driver, &transport, &mut recv, &mut send, timeout).await {
            Some(proof) => authenticated = Some(proof?),
            None => return Err(timed_out(&driver)),
        }
    }
    recv.set_max(session.max_message);
    let admitted = Admitted { socket: transport, peer, recv, authenticated };
    let mut connection = open(session, role, admitted);
    if session.key.is_none() && role == Role::Client {
        connection.halves().0.refuse_challenge();
    }
    Ok(connection)
}

/// A connection whose handshake is over, or that has none.
pub(crate) fn open<T>(session: &Session, role: Role, admitted: Admitted<T>) -> Connection<T> {
    let mut connection = Connection::opened(admitted, (role, session.policy.clone()));
    connection.set_extended(session.extended);
    connection
}

/// Drives a handshake to its end; `None` when the time is up first.
pub(crate) async fn negotiate<K: AsRef<[u8]>, P: Proof, T: Transport>(
    driver: &mut HandshakeDriver<K, P>,
    transport: &T,
    recv: &mut RecvBuffer,
    send: &mut SendBuffer,
    timeout: Option<Duration>,
) -> Option<Result<P, Error>> {
    let driven = async {
        let proof = poll_fn(|cx| poll_drive(cx, driver, transport, recv, send)).await?;
        flush(transport).await?;
        Ok(proof)
    };
    within(timeout, pin!(driven)).await
}

/// Continues with a handshake as far as the transport lets it.
fn poll_drive<K: AsRef<[u8]>, P: Proof, T: Transport>(
    cx: &mut Context<'_>,
    driver: &mut HandshakeDriver<K, P>,
    transport: &T,
    recv: &mut RecvBuffer,
    send: &mut SendBuffer,
) -> Poll<Result<P, Error>> {
    let driven = mpconn_sockets::drive(driver, recv, send, |operation| {
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
/// No `async fn`, which would hold the future twice, and the timer is made when it is needed, on
/// the heap: what an idle connection waits in stays small.
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
