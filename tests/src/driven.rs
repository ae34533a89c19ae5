//! The tokio adapter under calls that block, with the names of the blocking one: what one must do,
//! the other is asked by the same test.
//!
//! Sockets are driven by one runtime of several threads, which all of a process's tests share; a
//! scripted transport by a runtime of its thread's, whose clock is paused, so that what would be
//! waited for in vain times out at once.

use std::future::poll_fn;
#[cfg(unix)]
use std::io;
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::time::Duration;

use mpconn_pickle::{Decoder, Encoder};
use mpconn_tokio as adapter;
#[cfg(unix)]
pub use mpconn_tokio::KeepAlive;
pub use mpconn_tokio::{
    Address, AuthError, AuthKey, Authenticated, Awaited, ChallengeOptions, Closer, Dialect, Error,
    Family, HandshakeStep, ObjectError, PeerError, Phase, Policy, ReadWrite, Role, Socket, SysRng,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::scripted::{self, Scripted};

/// What [`Connection`]s run over here, and the runtime that drives it.
pub trait Transport: adapter::Transport {
    /// How long an operation may take unless somebody says otherwise.
    const TIMEOUT: Option<Duration>;

    /// Blocks on the runtime.
    fn block_on<F: Future>(future: F) -> F::Output;
}

impl Transport for Socket {
    const TIMEOUT: Option<Duration> = None;

    fn block_on<F: Future>(future: F) -> F::Output {
        runtime().block_on(future)
    }
}

impl Transport for Scripted {
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(1));

    fn block_on<F: Future>(future: F) -> F::Output {
        scripted::next_call();
        PAUSED.with(|runtime| runtime.block_on(future))
    }
}

impl<S> Transport for ReadWrite<S>
where
    Self: adapter::Transport,
{
    const TIMEOUT: Option<Duration> = Scripted::TIMEOUT;

    fn block_on<F: Future>(future: F) -> F::Output {
        Scripted::block_on(future)
    }
}

/// Takes a descriptor over.
///
/// # Errors
///
/// Those of the adapter.
#[cfg(unix)]
pub fn socket(fd: std::os::fd::OwnedFd) -> io::Result<Socket> {
    let _entered = runtime().enter();
    Socket::try_from(fd)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    })
}

thread_local! {
    static PAUSED: Runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
}

pub fn connect<A>(address: A, key: AuthKey) -> Result<Connection, Error>
where
    A: TryInto<Address>,
    A::Error: Into<adapter::AddressError>,
{
    ConnectOptions::with_key(key).connect(address)
}

/// The setters of both kinds of options.
macro_rules! setters {
    ($($(#[$attribute:meta])* $name:ident($value:ty)),* $(,)?) => {
        pub fn with_key(key: AuthKey) -> Self {
            Self(Inner::with_key(key))
        }

        pub fn without_key() -> Self {
            Self(Inner::without_key())
        }

        $(
            $(#[$attribute])*
            pub fn $name(self, value: $value) -> Self {
                Self(self.0.$name(value))
            }
        )*
    };
}

pub use clients::ConnectOptions;
pub use listeners::{Incoming, Listener, ListenerOptions};

mod clients {
    use super::{
        Address, AuthKey, Connection, Duration, Error, Policy, Socket, Transport, adapter,
        adapter::ConnectOptions as Inner,
    };

    #[derive(Debug, Clone)]
    pub struct ConnectOptions(Inner);

    impl ConnectOptions {
        setters! {
            policy(Policy),
            max_message(u64),
            read_ahead(bool),
            handshake_timeout(impl Into<Option<Duration>>),
            connect_timeout(impl Into<Option<Duration>>),
            retry(bool),
            #[cfg(unix)]
            keep_alive(adapter::KeepAlive),
            #[cfg(target_os = "linux")]
            user_timeout(Duration),
        }

        pub fn connect<A>(&self, address: A) -> Result<Connection, Error>
        where
            A: TryInto<Address>,
            A::Error: Into<adapter::AddressError>,
        {
            Socket::block_on(self.0.connect(address)).map(Connection::from_inner)
        }

        pub fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
            T::block_on(self.0.authenticate(transport)).map(Connection::from_inner)
        }
    }
}

mod listeners {
    use futures_core::Stream;
    use rustix::fd::OwnedFd;

    use super::{
        Address, AuthKey, Closer, Connection, Duration, Error, Family, Pin, Policy, Socket,
        Transport, adapter, adapter::ListenerOptions as Inner, poll_fn, runtime,
    };

    #[derive(Debug, Clone)]
    pub struct ListenerOptions(Inner);

    impl ListenerOptions {
        setters! {
            policy(Policy),
            max_message(u64),
            read_ahead(bool),
            handshake_timeout(impl Into<Option<Duration>>),
            max_pending(usize),
            backlog(u16),
            family(Family),
            mode(u32),
            replace_stale(bool),
            #[cfg(unix)]
            keep_alive(adapter::KeepAlive),
            #[cfg(target_os = "linux")]
            user_timeout(Duration),
        }

        pub fn bind<A>(&self, address: A) -> Result<Listener, Error>
        where
            A: TryInto<Address>,
            A::Error: Into<adapter::AddressError>,
        {
            let _entered = runtime().enter();
            self.0.bind(address).map(Listener)
        }

        pub fn bind_fresh(&self) -> Result<Listener, Error> {
            let _entered = runtime().enter();
            self.0.bind_fresh().map(Listener)
        }

        pub fn adopt(&self, socket: OwnedFd) -> Result<Listener, Error> {
            let _entered = runtime().enter();
            self.0.adopt(socket).map(Listener)
        }

        pub fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
            T::block_on(self.0.authenticate(transport)).map(Connection::from_inner)
        }
    }

    #[derive(Debug)]
    pub struct Listener(adapter::Listener);

    impl Listener {
        pub fn bind<A>(address: A, key: AuthKey) -> Result<Self, Error>
        where
            A: TryInto<Address>,
            A::Error: Into<adapter::AddressError>,
        {
            ListenerOptions::with_key(key).bind(address)
        }

        pub fn address(&self) -> &Address {
            self.0.address()
        }

        pub fn last_accepted(&self) -> Option<&Address> {
            self.0.last_accepted()
        }

        pub fn accept(&mut self) -> Result<Connection, Error> {
            Socket::block_on(self.0.accept()).map(Connection::from_inner)
        }

        pub fn accept_timeout(&mut self, timeout: Duration) -> Result<Connection, Error> {
            Socket::block_on(self.0.accept_timeout(timeout)).map(Connection::from_inner)
        }

        pub fn incoming(&mut self) -> Incoming<'_> {
            Incoming(self.0.incoming())
        }

        pub fn accept_raw(&mut self) -> Result<(Socket, Option<Address>), Error> {
            Socket::block_on(self.0.accept_raw())
        }

        pub fn closer(&self) -> Closer {
            self.0.closer()
        }

        pub fn close(self) {
            self.0.close();
        }
    }

    /// The adapter's stream, as an iterator.
    #[derive(Debug)]
    pub struct Incoming<'a>(adapter::Incoming<'a>);

    impl Iterator for Incoming<'_> {
        type Item = Result<Connection, Error>;

        fn next(&mut self) -> Option<Self::Item> {
            let next = poll_fn(|cx| Pin::new(&mut self.0).poll_next(cx));
            Socket::block_on(next).map(|outcome| outcome.map(Connection::from_inner))
        }
    }
}

#[derive(Debug)]
pub struct Connection<T = Socket>(adapter::Connection<T>);

impl<T: Transport> Connection<T> {
    fn from_inner(mut inner: adapter::Connection<T>) -> Self {
        inner.set_receive_timeout(T::TIMEOUT);
        inner.set_send_timeout(T::TIMEOUT);
        Self(inner)
    }

    pub fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        T::block_on(adapter::SendObject::send(&mut self.0, object))
    }

    pub fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        T::block_on(adapter::RecvObject::recv(&mut self.0))
    }

    pub fn recv_reply<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        T::block_on(adapter::RecvObject::recv_reply(&mut self.0))
    }

    pub fn set_decoder(&mut self, decoder: Decoder) {
        self.0.set_decoder(decoder);
    }

    pub fn set_encoder(&mut self, encoder: Encoder) {
        self.0.set_encoder(encoder);
    }

    pub fn unauthenticated(transport: T) -> Self {
        Self::from_inner(adapter::Connection::unauthenticated(transport))
    }

    pub fn authenticated(&self) -> Option<&Authenticated> {
        self.0.authenticated()
    }

    pub fn peer(&self) -> Option<&Address> {
        self.0.peer()
    }

    pub fn transport(&self) -> Option<&T> {
        self.0.transport()
    }

    pub fn into_parts(self) -> Option<adapter::Parts<T>> {
        self.0.into_parts()
    }

    pub fn from_parts(parts: adapter::Parts<T>) -> Self {
        Self::from_inner(adapter::Connection::from_parts(parts))
    }

    pub fn set_read_ahead(&mut self, reads_ahead: bool) {
        self.0.set_read_ahead(reads_ahead);
    }

    pub fn set_receive_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.0.set_receive_timeout(timeout);
    }

    pub fn set_max_message(&mut self, bytes: u64) {
        self.0.set_max_message(bytes);
    }

    pub fn set_send_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.0.set_send_timeout(timeout);
    }

    pub fn poll(&mut self, timeout: impl Into<Option<Duration>>) -> Result<bool, Error> {
        T::block_on(self.0.poll(timeout))
    }

    pub fn close(&mut self) {
        self.0.close();
    }

    pub fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        T::block_on(self.0.send_bytes(message))
    }

    pub fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        T::block_on(pin!(self.0.send_many(messages)))
    }

    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        T::block_on(self.0.recv_bytes())
    }

    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        T::block_on(self.0.recv_bytes_into(buffer))
    }

    pub fn deliver_challenge(&mut self, key: &AuthKey) -> Result<Dialect, Error> {
        T::block_on(self.0.deliver_challenge(key))
    }

    pub fn deliver_challenge_with(
        &mut self,
        key: &AuthKey,
        options: &ChallengeOptions,
    ) -> Result<Dialect, Error> {
        T::block_on(self.0.deliver_challenge_with(key, options))
    }

    pub fn answer_challenge(&mut self, key: &AuthKey) -> Result<Dialect, Error> {
        T::block_on(self.0.answer_challenge(key))
    }

    pub fn answer_challenge_with(
        &mut self,
        key: &AuthKey,
        options: &ChallengeOptions,
    ) -> Result<Dialect, Error> {
        T::block_on(self.0.answer_challenge_with(key, options))
    }
}

#[cfg(target_os = "linux")]
impl Connection {
    pub fn peer_credentials(&self) -> io::Result<adapter::Credentials> {
        self.0.peer_credentials()
    }
}

#[derive(Debug)]
pub struct Receiver<T = Socket>(adapter::Receiver<T>);

impl<T: Transport> Receiver<T> {
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.0.set_timeout(timeout);
    }

    pub fn unauthenticated(transport: T) -> Self {
        let mut inner = adapter::Receiver::unauthenticated(transport);
        inner.set_timeout(T::TIMEOUT);
        Self(inner)
    }

    pub fn is_readable(&self) -> bool {
        self.0.is_readable()
    }

    pub fn poll(&mut self, timeout: impl Into<Option<Duration>>) -> Result<bool, Error> {
        T::block_on(self.0.poll(timeout))
    }

    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        T::block_on(self.0.recv_bytes())
    }

    pub fn recv_borrowed(&mut self) -> Result<&[u8], Error> {
        T::block_on(self.0.recv_borrowed())
    }

    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        T::block_on(self.0.recv_bytes_to(out))
    }

    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        T::block_on(self.0.recv_bytes_into(buffer))
    }
}

#[derive(Debug)]
pub struct Sender<T = Socket>(adapter::Sender<T>);

impl<T: Transport> Sender<T> {
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.0.set_timeout(timeout);
    }

    pub fn unauthenticated(transport: T) -> Self {
        let mut inner = adapter::Sender::unauthenticated(transport);
        inner.set_timeout(T::TIMEOUT);
        Self(inner)
    }

    pub fn is_writable(&self) -> bool {
        self.0.is_writable()
    }

    pub fn buffered(&self) -> usize {
        self.0.buffered()
    }

    pub fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        T::block_on(self.0.send_bytes(message))
    }

    pub fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        T::block_on(pin!(self.0.send_many(messages)))
    }
}
