//! One thread and one mio loop for all clients.
//!
//! ```text
//! cargo run --bin mio_server [address]
//! ```

use std::collections::HashMap;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use mpconn::{AcceptTime, Acceptor, AuthKey, ClientId, ClientProgress, Connection, RealTime};
use mpconn_examples::{Error, HANDSHAKE_TIME, MAX_PENDING, accepting, address, announce, answer};

const LISTENER: Token = Token(0);

/// How many times a client's socket is read or written before it is another client's turn.
const TURN: u32 = 64;

struct Server {
    poll: Poll,
    listener: TcpListener,
    key: AuthKey,
    acceptor: Acceptor<(Token, TcpStream), AuthKey>,
    pending: HashMap<Token, ClientId>,
    served: HashMap<Token, (TcpStream, Connection<AuthKey>)>,
    /// Tokens that mio does not report again, since their turn ended early.
    again: Vec<Token>,
    last: usize,
    begun: Instant,
}

fn main() -> Result<(), Error> {
    let mut listener = TcpListener::bind(address())?;
    let key = announce(listener.local_addr()?);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server {
        poll,
        listener,
        key,
        acceptor: Acceptor::new(MAX_PENDING, Some(HANDSHAKE_TIME)),
        pending: HashMap::new(),
        served: HashMap::new(),
        again: Vec::new(),
        last: 0,
        begun: Instant::now(),
    };
    let mut events = Events::with_capacity(256);
    loop {
        match server.poll.poll(&mut events, server.timeout()) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let again = std::mem::take(&mut server.again);
        for token in events.iter().map(|event| event.token()).chain(again) {
            match token {
                LISTENER => server.accept()?,
                token => server.drive(token),
            }
        }
        while let Some(id) = server.acceptor.overdue(server.accept_time()) {
            server.drop_pending(id, "a client took too long to authenticate");
        }
    }
}

impl Server {
    /// The program does nothing else than accepting, so that both clocks are one.
    fn accept_time(&self) -> AcceptTime {
        AcceptTime(self.begun.elapsed())
    }

    /// Returns how long to wait for events at most. (6)
    fn timeout(&self) -> Option<Duration> {
        let until = match self.again.as_slice() {
            [] => None,
            // Only the listener's turn may have to wait: for the end of a pause.
            [LISTENER] => self.acceptor.paused_until().map(|until| until.0),
            _ => Some(Duration::ZERO),
        };
        let expiry = self.acceptor.next_expiry().map(|expiry| expiry.0);
        let next = until.into_iter().chain(expiry).min();
        next.map(|at| at.saturating_sub(self.begun.elapsed()))
    }

    /// Accepts all clients that are waiting: mio reports them once.
    fn accept(&mut self) -> Result<(), Error> {
        while !self.acceptor.is_paused(RealTime(self.begun.elapsed())) {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    eprintln!("{error}");
                    self.acceptor.pause(RealTime(self.begun.elapsed()));
                }
            }
        }
        self.again.push(LISTENER);
        Ok(())
    }

    fn admit(&mut self, mut stream: TcpStream) -> Result<(), Error> {
        self.acceptor.resume();
        stream.set_nodelay(true)?;
        self.last += 1;
        let token = Token(self.last);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, token, interest)?;
        if let Some(oldest) = self.acceptor.crowded_out() {
            self.drop_pending(oldest, "a client was crowded out");
        }
        let connection = accepting(&self.key)?; // 1
        match self.acceptor.add(|_| (token, stream), connection, self.accept_time()) {
            Ok(id) => drop(self.pending.insert(token, id)),
            Err(_full) => eprintln!("too many clients"),
        }
        Ok(())
    }

    /// Drops a pending client, unless a last look at what has arrived authenticates it.
    fn drop_pending(&mut self, id: ClientId, why: &str) {
        let Some(token) = self.acceptor.client_mut(id).map(|client| client.transport.0) else {
            return;
        };
        self.drive(token);
        if self.acceptor.remove(id).is_some() {
            self.pending.remove(&token);
            eprintln!("{why}");
        }
    }

    fn drive(&mut self, token: Token) {
        if let Some(&id) = self.pending.get(&token) {
            let Some(ended) = self.authenticate(id) else { return };
            self.pending.remove(&token);
            match ended {
                Ok(served) => drop(self.served.insert(token, served)),
                Err(error) => return eprintln!("{error}"), // 5
            }
        }
        let Some((stream, connection)) = self.served.get_mut(&token) else { return };
        match serve(stream, connection) {
            Ok(Turn::Waits) => {}
            Ok(Turn::GoesOn) => self.again.push(token),
            Ok(Turn::Ended) => drop(self.served.remove(&token)),
            Err(error) => {
                eprintln!("{error}");
                self.served.remove(&token);
            }
        }
    }

    /// Continues with a handshake, and returns what came of it when it has ended.
    fn authenticate(
        &mut self,
        id: ClientId,
    ) -> Option<Result<(TcpStream, Connection<AuthKey>), Error>> {
        loop {
            match self.acceptor.progress(id)? {
                ClientProgress::Read | ClientProgress::Write => {}
                ClientProgress::Accepted((_, stream), connection, _) => {
                    return Some(Ok((stream, connection)));
                }
                ClientProgress::Rejected(_, error) => return Some(Err(error.into())),
            }
            let client = self.acceptor.client_mut(id)?;
            match transfer(&mut client.transport.1, &mut client.connection) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.acceptor.remove(id);
                    return Some(Err(error.into()));
                }
            }
        }
    }
}

enum Turn {
    Waits,
    GoesOn,
    Ended,
}

fn serve(stream: &mut TcpStream, connection: &mut Connection<AuthKey>) -> Result<Turn, Error> {
    for _ in 0..TURN {
        if !answer(connection)? {
            return Ok(Turn::Ended);
        }
        if !transfer(stream, connection)? {
            return Ok(Turn::Waits);
        }
    }
    Ok(Turn::GoesOn)
}

/// Writes or reads once. Returns `false` if that would block.
fn transfer(stream: &mut TcpStream, connection: &mut Connection<AuthKey>) -> io::Result<bool> {
    let moved = if connection.wants_write() {
        let slices = connection.chunks().map(IoSlice::new); // 3
        let written = stream.write_vectored(&slices);
        written.map(|n| {
            connection.sent(n);
        })
    } else {
        stream.read(connection.read_buf().into_slice()).map(|n| match n {
            0 => connection.received_eof(),
            n => connection.received(n), // 4
        })
    };
    match moved {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        moved => moved.map(|()| true),
    }
}
