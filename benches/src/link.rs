//! What a contender is to the measurements: something that listens, connects, and carries messages.

use std::error::Error;
use std::future::Future;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use mpconn_blocking::Address;

/// Nothing here is retried or mended: any error ends the run, with its text.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A library, or a way to use one.
///
/// The functions are async for those that are; a blocking contender's futures are ready at once.
pub trait Contender {
    type Listener;
    type Link: Link;

    /// Listens at `address`, and tells what to connect to.
    async fn listen(setup: &Setup, address: &str) -> Result<(Self::Listener, String)>;
    async fn accept(setup: &Setup, listener: &mut Self::Listener) -> Result<Self::Link>;
    async fn connect(setup: &Setup, address: &str) -> Result<Self::Link>;

    /// Runs all of a peer.
    fn run<F: Future>(future: F) -> F::Output {
        ready_at_once(future)
    }
}

/// A connection.
pub trait Link {
    /// Sends one message, to be received without waiting for others.
    async fn send(&mut self, message: &Bytes) -> Result<()>;

    /// Sends a message many times, in whatever way is fastest.
    async fn send_many(&mut self, message: &Bytes, count: usize) -> Result<()> {
        for _ in 0..count {
            self.send(message).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<&[u8]>;
}

/// What both ends know beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub receiving: Receiving,
    /// Whether both ends prove that they have the key.
    pub authenticated: bool,
}

/// Where a message is received to. Contenders that offer no choice ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiving {
    /// It stays in the read-ahead buffer, if it fits there.
    Borrowed,
    /// Into memory that is used for every message.
    Reused,
    /// Into fresh memory, a `Vec` each.
    Owned,
    /// The same, as `Bytes`.
    Shared,
}

/// The key of those that authenticate.
pub const KEY: &[u8] = b"both ends of the benchmark know this";

/// Listens at a path, or at a TCP address.
pub enum StreamListener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// An address is a path if it begins like one.
pub fn is_path(address: &str) -> bool {
    address.starts_with('/')
}

pub fn listen(address: &str) -> Result<(StreamListener, String)> {
    if is_path(address) {
        return Ok((StreamListener::Unix(UnixListener::bind(address)?), address.to_owned()));
    }
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?.to_string();
    Ok((StreamListener::Tcp(listener), address))
}

/// A connected stream. Its calls are the same for both kinds of sockets, so one type does.
pub fn accept(listener: &StreamListener) -> Result<UnixStream> {
    Ok(match listener {
        StreamListener::Unix(listener) => listener.accept()?.0,
        StreamListener::Tcp(listener) => without_delay(listener.accept()?.0)?,
    })
}

/// See [`accept`].
pub fn connect(address: &str) -> Result<UnixStream> {
    Ok(if is_path(address) {
        UnixStream::connect(address)?
    } else {
        without_delay(TcpStream::connect(address)?)?
    })
}

fn without_delay(stream: TcpStream) -> Result<UnixStream> {
    stream.set_nodelay(true)?;
    Ok(OwnedFd::from(stream).into())
}

/// The address as mpconn has it.
pub fn to_mpconn(address: &str) -> Result<Address> {
    Ok(if is_path(address) {
        Address::Unix(PathBuf::from(address))
    } else {
        let address: SocketAddr = address.parse()?;
        Address::Inet { host: address.ip().to_string(), port: address.port() }
    })
}

/// The same back.
pub fn from_mpconn(address: &Address) -> String {
    match address {
        Address::Inet { host, port } => format!("{host}:{port}"),
        path => path.to_string(),
    }
}

/// For a `read` that gave nothing.
pub fn ended() -> Box<dyn Error> {
    std::io::Error::from(ErrorKind::UnexpectedEof).into()
}

fn ready_at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a blocking contender has nothing to wait for"),
    }
}

/// The runtime of the async contenders: one thread, as there is one CPU.
pub fn on_tokio<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
