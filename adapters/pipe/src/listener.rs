//! Waiting for clients.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use windows_sys::Win32::Foundation::{ERROR_NO_DATA, ERROR_PIPE_CONNECTED};

use crate::completion::{Completion, from_win32};
use crate::pipe::{Pipe, fresh_name};
use crate::port::{Channel, Request};
use crate::security::{Descriptor, Security};
use crate::sys::{self, Direction};

/// Takes the clients of a named pipe.
///
/// From its making to its close there is always an instance of the pipe that a client can find: the
/// next one is made before the last is handed out. Clients from other machines are refused.
#[derive(Debug)]
pub struct Listener {
    name: String,
    security: Descriptor,
    /// None when closed.
    instance: Mutex<Option<Instance>>,
}

/// An instance of the pipe, and the client that it waits for.
#[derive(Debug)]
struct Instance {
    channel: Channel,
    client: Client,
}

#[derive(Debug)]
enum Client {
    Unasked,
    Awaited(Arc<Completion>),
    Connected,
}

impl Listener {
    /// Listens at this name, `\\.\pipe\...`, for those whom `security` lets in.
    ///
    /// # Errors
    ///
    /// The system's: `PermissionDenied` when somebody else has the name.
    pub fn bind(name: impl Into<String>, security: &Security) -> io::Result<Self> {
        let (name, security) = (name.into(), security.descriptor()?);
        let instance = Mutex::new(Some(Instance::new(&name, true, &security)?));
        Ok(Self { name, security, instance })
    }

    /// Listens at a name that nobody has.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn bind_fresh(security: &Security) -> io::Result<Self> {
        Self::bind(fresh_name()?, security)
    }

    /// Where clients connect to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the next client, which may have gone again: what it sent before is there.
    ///
    /// Giving up loses nobody.
    ///
    /// # Errors
    ///
    /// The system's, after which it can be tried again; `NotConnected` after a close.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Pipe>> {
        let mut instance = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = instance.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        ready!(current.poll_client(cx))?;
        let next = Instance::new(&self.name, false, &self.security)?;
        Poll::Ready(Ok(Pipe::new(mem::replace(current, next).channel)))
    }

    /// Waits until an accept would get further.
    ///
    /// # Errors
    ///
    /// As for [`poll_accept`](Self::poll_accept).
    pub fn poll_acceptable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut instance = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        match instance.as_mut() {
            Some(current) => current.poll_client(cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Closes it, from any thread: nobody can connect any more, and whoever waits in
    /// [`poll_accept`](Self::poll_accept) is woken.
    pub fn close(&self) {
        let instance = self.instance.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Outside the lock: it wakes who waits.
        drop(instance);
    }
}

impl Instance {
    fn new(name: &str, first: bool, security: &Descriptor) -> io::Result<Self> {
        let handle = sys::create(name, Direction::Both, first, security)?;
        Ok(Self { channel: Channel::new(handle), client: Client::Unasked })
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &self.client {
                Client::Unasked => {
                    let awaited = self.channel.start(Request::Connect, Vec::new())?;
                    self.client = Client::Awaited(awaited);
                }
                Client::Awaited(awaited) => match ready!(awaited.poll(cx)).error {
                    // It was there before it was asked for, or has left already.
                    0 | ERROR_PIPE_CONNECTED | ERROR_NO_DATA => self.client = Client::Connected,
                    error => {
                        self.client = Client::Unasked;
                        return Poll::Ready(Err(from_win32(error)));
                    }
                },
                Client::Connected => return Poll::Ready(Ok(())),
            }
        }
    }
}
