//! Calls of methods, and what a front end does to make one. Nothing here does I/O.

use std::fmt;
use std::time::Duration;

use mpconn_pickle::Encoder;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::Error;
use crate::reply;
use crate::request::{Arguments, NoKwargs, encode_request};
use crate::token::Token;

/// A wait without end is made of waits of this length. A manager of CPython does not notice that a
/// client is gone while its call waits; it then gives the item to nobody. This bounds the time in
/// which that can happen.
pub(crate) const SLICE: Duration = Duration::from_secs(5);

/// What a proxy is called through: a proxy of [`blocking`](crate::blocking) or of
/// [`tokio`](crate::tokio). The typed proxies are written once, over this.
pub trait Port: sealed::Sealed + Sized + Send + Sync + 'static {
    /// What a call returns: a `Result<R, Error>`, or a future of one.
    type Answer<R: Send + 'static>;

    /// Returns the object that is called.
    fn token(&self) -> &Token;

    /// Returns the names of the methods that the manager told.
    fn exposed(&self) -> &[String];

    /// Returns a proxy with a connection of its own, which is a thread of its own in a manager of
    /// CPython. What a thread owns there, such as an `RLock`, is then owned by this proxy.
    #[must_use]
    fn with_own_connection(self) -> Self;

    #[doc(hidden)]
    fn encoder(&self) -> Encoder;

    #[doc(hidden)]
    fn adopt(&self, token: Token, exposed: Vec<String>) -> Self;

    #[doc(hidden)]
    fn start<R: Send + 'static>(&self, call: Result<Call<Self, R>, Error>) -> Self::Answer<R>;
}

pub(crate) mod sealed {
    #[allow(unnameable_types, reason = "nobody else implements a port")]
    pub trait Sealed {}
}

type Read<P, R> = Box<dyn Fn(&P, &[u8]) -> Result<R, Error> + Send + Sync>;

/// A call that is ready to be sent, once or until it is answered.
pub struct Call<P, R> {
    /// Sent so many times while the answer is that there is none yet.
    slices: Option<(Vec<u8>, u64)>,
    request: Vec<u8>,
    /// How long the method itself may wait; `None` for ever.
    wait: Option<Duration>,
    read: Read<P, R>,
    is_not_yet: fn(&Result<R, Error>) -> bool,
    /// Whether the request that was sent last was one of several.
    is_slice: bool,
    /// Whether the reply must be read, as it has a reference to give back.
    pub(crate) is_kept: bool,
}

impl<P, R> fmt::Debug for Call<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("bytes", &self.request.len()).finish_non_exhaustive()
    }
}

impl<P: Port, R> Call<P, R> {
    /// Makes a call of a method that may wait for `wait`, with what reads its reply.
    pub(crate) fn new<A: Arguments>(
        port: &P,
        method: &str,
        args: &A,
        wait: Option<Duration>,
        read: impl Fn(&P, &[u8]) -> Result<R, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::with_kwargs(port, method, args, &NoKwargs, wait, read)
    }

    /// The same, with keyword arguments.
    pub(crate) fn with_kwargs<A: Arguments, K: Serialize>(
        port: &P,
        method: &str,
        args: &A,
        kwargs: &K,
        wait: Option<Duration>,
        read: impl Fn(&P, &[u8]) -> Result<R, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let ident = Some(port.token().id.as_str());
        let request = encode_request(port.encoder(), ident, method, args, kwargs)?;
        let (read, is_not_yet) = (Box::new(read), |_: &_| false);
        Ok(Self { slices: None, request, wait, read, is_not_yet, is_slice: false, is_kept: false })
    }

    /// Makes a call of a method that waits for at most `timeout`, in slices. `args` makes the
    /// arguments for a wait of so many seconds.
    pub(crate) fn sliced<A: Arguments>(
        port: &P,
        method: &str,
        args: impl Fn(f64) -> A,
        timeout: Option<Duration>,
        read: impl Fn(&P, &[u8]) -> Result<R, Error> + Send + Sync + 'static,
        is_not_yet: fn(&Result<R, Error>) -> bool,
    ) -> Result<Self, Error> {
        let (count, last) = match timeout {
            None => (u64::MAX, SLICE),
            Some(timeout) => {
                let count = timeout.as_secs() / SLICE.as_secs();
                (count, timeout.saturating_sub(SLICE * u32::try_from(count).unwrap_or(u32::MAX)))
            }
        };
        let mut call = Self::new(port, method, &args(last.as_secs_f64()), Some(last), read)?;
        call.is_not_yet = is_not_yet;
        if count > 0 {
            let ident = Some(port.token().id.as_str());
            let args = args(SLICE.as_secs_f64());
            let request = encode_request(port.encoder(), ident, method, &args, &NoKwargs)?;
            call.slices = Some((request, count));
        }
        Ok(call)
    }

    /// Makes the call go on to its end, also when nobody waits for it any more.
    pub(crate) fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }

    /// Returns the request to send, and how long the method may wait before it replies.
    pub(crate) fn next(&mut self) -> (&[u8], Option<Duration>) {
        if let Some((request, left @ 1..)) = &mut self.slices {
            *left -= 1;
            self.is_slice = true;
            return (request, Some(SLICE));
        }
        self.is_slice = false;
        (&self.request, self.wait)
    }

    /// Reads a reply. Returns `None` if the call goes on with [`next`](Self::next).
    pub(crate) fn answer(&self, port: &P, reply: &[u8]) -> Option<Result<R, Error>> {
        let result = (self.read)(port, reply);
        if self.is_slice && (self.is_not_yet)(&result) { None } else { Some(result) }
    }
}

/// Starts a call that does not wait, whose result is a value.
pub(crate) fn call<P: Port, A: Arguments, R>(port: &P, method: &str, args: &A) -> P::Answer<R>
where
    R: DeserializeOwned + Send + 'static,
{
    waiting(port, method, args, Duration::ZERO)
}

/// Starts a call that waits for at most `wait`, or for ever, whose result is a value.
pub(crate) fn waiting<P: Port, A: Arguments, R>(
    port: &P,
    method: &str,
    args: &A,
    wait: impl Into<Option<Duration>>,
) -> P::Answer<R>
where
    R: DeserializeOwned + Send + 'static,
{
    port.start(Call::new(port, method, args, wait.into(), |_, reply| reply::value(reply)))
}

/// Starts a call whose result says nothing.
pub(crate) fn command<P: Port, A: Arguments>(port: &P, method: &str, args: &A) -> P::Answer<()> {
    port.start(Call::new(port, method, args, Some(Duration::ZERO), |_, reply| done(reply)))
}

/// Reads a reply of which only the success matters.
pub(crate) fn done(reply: &[u8]) -> Result<(), Error> {
    reply::value::<IgnoredAny>(reply).map(|_| ())
}
