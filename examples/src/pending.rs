use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mpconn::{AcceptTime, Acceptor, AuthKey, ClientId, ClientProgress, Connection, RealTime};

use crate::{Error, HANDSHAKE_TIME, MAX_PENDING};

/// The pending clients of a server that has a thread or a task for each client.
///
/// The [`Acceptor`] is behind a mutex. While a client's thread waits for its socket, the memory is
/// in flight, and the mutex is free.
#[derive(Debug)]
pub struct Pending<C> {
    acceptor: Mutex<Acceptor<C, AuthKey>>,
    begun: Instant,
}

/// What a client's thread does next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub enum Step {
    /// Read into the memory from this offset on, and report with [`Pending::finish_read`].
    Read(Vec<u8>, usize),
    /// Write the memory from this offset on, and report with [`Pending::finish_write`].
    Write(Vec<u8>, usize),
    /// Serve the client, which is authenticated.
    Serve(Connection<AuthKey>),
}

impl<C> Pending<C> {
    /// Creates a table for [`MAX_PENDING`] clients.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it starts a clock")]
    pub fn new() -> Self {
        let acceptor = Mutex::new(Acceptor::new(MAX_PENDING, Some(HANDSHAKE_TIME)));
        Self { acceptor, begun: Instant::now() }
    }

    fn lock(&self) -> MutexGuard<'_, Acceptor<C, AuthKey>> {
        self.acceptor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client. Returns its name, and the socket of the client that was crowded out, if one
    /// was: shut that down, which ends its thread.
    ///
    /// # Errors
    ///
    /// If there is no room, because every pending client is authenticated.
    pub fn add(
        &self,
        client: C,
        connection: Connection<AuthKey>,
    ) -> Result<(ClientId, Option<C>), Error> {
        let mut acceptor = self.lock();
        acceptor.resume();
        // Its thread has read whatever has arrived.
        let crowded_out = acceptor.crowded_out().and_then(|oldest| acceptor.remove(oldest));
        let now = AcceptTime(self.begun.elapsed());
        let id = acceptor.add(|_| client, connection, now).map_err(|_| "too many clients")?;
        Ok((id, crowded_out.map(|client| client.transport)))
    }

    /// Returns how long not to accept, after accepting has failed.
    pub fn pause(&self) -> Duration {
        self.lock().pause(RealTime(self.begun.elapsed()))
    }

    /// Returns what to do next for a client. (2, 5)
    ///
    /// # Errors
    ///
    /// If the client is not authenticated, or is no longer pending.
    pub fn next_step(&self, id: ClientId) -> Result<Step, Error> {
        let mut acceptor = self.lock();
        let progress = acceptor.progress(id);
        match (progress, acceptor.client_mut(id)) {
            (Some(ClientProgress::Accepted(_, connection, _)), _) => Ok(Step::Serve(connection)),
            (Some(ClientProgress::Rejected(_, error)), _) => Err(error.into()),
            (Some(ClientProgress::Read), Some(client)) => {
                let (memory, from) = client.connection.start_read(); // 4
                Ok(Step::Read(memory, from))
            }
            (Some(ClientProgress::Write), Some(client)) => {
                let (memory, from) = client.connection.start_write().expect("it wants to write"); // 3
                Ok(Step::Write(memory, from))
            }
            _ => Err("crowded out by newer clients".into()),
        }
    }

    /// Reports that a read is complete.
    ///
    /// # Errors
    ///
    /// If the read has failed. The client is removed.
    pub fn finish_read(
        &self,
        id: ClientId,
        memory: Vec<u8>,
        n: io::Result<usize>,
    ) -> Result<(), Error> {
        let mut acceptor = self.lock();
        match (n, acceptor.client_mut(id)) {
            (Ok(n), Some(client)) => {
                client.connection.finish_read(memory, n);
                if n == 0 {
                    client.connection.received_eof();
                }
                Ok(())
            }
            (Ok(_), None) => Ok(()),
            (Err(error), _) => {
                acceptor.remove(id);
                Err(error.into())
            }
        }
    }

    /// Reports that a write is complete.
    ///
    /// # Errors
    ///
    /// If the write has failed. The client is removed.
    pub fn finish_write(
        &self,
        id: ClientId,
        memory: Vec<u8>,
        n: io::Result<usize>,
    ) -> Result<(), Error> {
        let mut acceptor = self.lock();
        match (n, acceptor.client_mut(id)) {
            (Ok(n), Some(client)) => {
                client.connection.finish_write(memory, n);
                Ok(())
            }
            (Ok(_), None) => Ok(()),
            (Err(error), _) => {
                acceptor.remove(id);
                Err(error.into())
            }
        }
    }

    /// Returns how long a client's handshake may still take, which is zero when it is overdue. (6)
    pub fn time_left(&self, id: ClientId) -> Duration {
        let mut acceptor = self.lock();
        let expires = acceptor.client_mut(id).and_then(|client| client.expires());
        expires.map_or(Duration::ZERO, |expires| expires.0.saturating_sub(self.begun.elapsed()))
    }
}
