//! One thread and one mio loop for all clients, over the core's `Inbox`, `Outbox`, `Negotiation`.
//!
//! ```text
//! cargo run --bin mio_server [address]
//! ```

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use mpconn::{AuthKey, Error, Inbox, Negotiation, Operation, Outbox};
use mpconn_examples::{
    HANDSHAKE_TIME, MAX_MESSAGE_BYTES, accepting, address, announce, turned_round,
};

const LISTENER: Token = Token(0);

/// The messages of one client that are answered before the others have their turn.
const TURN: usize = 64;

/// How long clients are left waiting when there is no descriptor for another.
const SHORTAGE: Duration = Duration::from_millis(100);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(address())?;
    let key = announce(listener.local_addr()?);
    Server::new(listener, key)?.run()
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    key: AuthKey,
    clients: HashMap<Token, Client>,
    last: Token,
    /// When each client must be authenticated; the oldest comes first.
    deadlines: VecDeque<(Instant, Token)>,
    /// Those whose turn ended before their bytes did.
    waiting: Vec<Token>,
    /// When to accept again, of which no event will tell.
    shortage: Option<Instant>,
}

impl Server {
    fn new(mut listener: TcpListener, key: AuthKey) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            key,
            clients: HashMap::new(),
            last: LISTENER,
            deadlines: VecDeque::new(),
            waiting: Vec::new(),
            shortage: None,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let mut ready = std::mem::take(&mut self.waiting);
            ready.extend(events.iter().map(|event| event.token()));
            if self.shortage.is_some_and(|until| until <= Instant::now()) {
                ready.push(LISTENER);
            }
            for token in ready {
                match token {
                    LISTENER => self.accept()?,
                    client => self.drive(client),
                }
            }
            self.expire();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.waiting.is_empty() {
            return Some(Duration::ZERO);
        }
        let oldest = self.deadlines.front().map(|(deadline, _)| *deadline);
        let next = oldest.into_iter().chain(self.shortage).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Accepts all who are there: mio tells of them once.
    fn accept(&mut self) -> io::Result<()> {
        self.shortage = None;
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    eprintln!("{error}");
                    self.shortage = Some(Instant::now() + SHORTAGE);
                    return Ok(());
                }
            };
            self.last.0 += 1;
            let mut client = Client::new(socket, &self.key)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut client.socket, self.last, interest)?;
            self.clients.insert(self.last, client);
            self.deadlines.push_back((Instant::now() + HANDSHAKE_TIME, self.last));
        }
    }

    fn drive(&mut self, token: Token) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        match client.drive() {
            Ok(true) => self.waiting.push(token),
            Ok(false) => {}
            Err(error) => {
                self.clients.remove(&token); // 4
                if !matches!(error, Error::Ended) {
                    eprintln!("{error}");
                }
            }
        }
    }

    /// Closes what has not been authenticated in time. (7)
    fn expire(&mut self) {
        let now = Instant::now();
        while let Some((_, token)) = self.deadlines.front().filter(|(deadline, _)| *deadline <= now)
        {
            let token = *token;
            self.deadlines.pop_front();
            if self.clients.get(&token).is_some_and(|client| client.negotiation.is_some()) {
                self.clients.remove(&token);
                eprintln!("a client took too long to authenticate");
            }
        }
    }
}

struct Client {
    socket: TcpStream,
    inbox: Inbox,
    outbox: Outbox,
    /// Until it is authenticated.
    negotiation: Option<Negotiation<AuthKey>>,
}

impl Client {
    fn new(socket: TcpStream, key: &AuthKey) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let handshake = accepting(key).map_err(io::Error::other)?;
        Ok(Self {
            socket,
            inbox: Inbox::new(), // 1
            outbox: Outbox::new(),
            negotiation: Some(Negotiation::new(handshake)),
        })
    }

    /// Goes on until the socket has or takes no more. True: it may have more, but others come first.
    fn drive(&mut self) -> Result<bool, Error> {
        let Self { socket, inbox, outbox, negotiation } = self;
        if let Some(under_way) = negotiation {
            let transfer = |operation: Operation<'_>| match operation {
                Operation::Write(bytes) => for_now(socket.write(bytes)), // 2
                Operation::Read(space) => for_now(socket.read(space.into_slice())), // 3
            };
            let Some(_proof) = under_way.drive(inbox, transfer)? else { return Ok(false) };
            *negotiation = None;
            inbox.open(MAX_MESSAGE_BYTES); // 5
        }
        for _ in 0..TURN {
            // Nothing more is received from a client that does not take its answers.
            if !outbox.flush_with(|slices| for_now(socket.write_vectored(slices)))? {
                return Ok(false);
            }
            let read = |space: mpconn::Space<'_>| for_now(socket.read(space.into_slice()));
            if !inbox.receive_with(MAX_MESSAGE_BYTES, &mut Vec::new(), read)? {
                return Ok(false); // 6
            }
            outbox.feed(&turned_round(inbox.message()))?;
        }
        Ok(true)
    }
}

/// What the core is told of an operation: that it can move nothing for now is no error.
fn for_now(moved: io::Result<usize>) -> io::Result<Option<usize>> {
    match moved {
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        // A call that does not wait is not interrupted.
        Err(error) => Err(error),
    }
}
