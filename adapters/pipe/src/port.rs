//! The completion port: operations in flight, and the thread that learns of their end.
//!
//! Rules:
//!
//! 1. What the system may write to, the `OVERLAPPED` and the buffer, belongs to the table of the
//!    port until the operation has ended, whatever becomes of the pipe and of whoever waits.
//! 2. A packet is believed only if its address is in the table, and the operation there has ended.
//!    The port belongs to the file object across processes: a child that has a duplicate of our
//!    handle puts its own pointers into our port.
//! 3. What succeeds or fails at once is taken at once. When it has succeeded, its packet still comes,
//!    and is one of a stranger then.
//! 4. An operation leaves the table and gets its outcome under one lock: whoever finds that it has
//!    left finds the outcome too, and need not wait for the thread.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;

use windows_sys::Win32::Foundation::{
    ERROR_IO_PENDING, ERROR_MORE_DATA, GetLastError, INVALID_HANDLE_VALUE, NTSTATUS,
    RtlNtStatusToDosError, STATUS_PENDING, WIN32_ERROR,
};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatus, OVERLAPPED,
};
use windows_sys::Win32::System::Pipes::ConnectNamedPipe;
use windows_sys::Win32::System::Threading::INFINITE;

use crate::completion::{Completion, Outcome};
use crate::sys;

/// A handle that operations can be started on.
#[derive(Debug)]
pub(crate) struct Channel {
    handle: OwnedHandle,
    /// None before the first operation, so that a handle that is only passed on to a child never
    /// belongs to our port.
    port: Mutex<Option<Arc<Port>>>,
}

/// What is to be done.
pub(crate) enum Request {
    /// Wait for a client.
    Connect,
    /// Fill the buffer from this place on.
    Read { from: usize },
    /// Send the buffer as one message.
    Write,
}

#[derive(Debug)]
struct Port {
    handle: OwnedHandle,
    table: Mutex<HashMap<usize, InFlight>>,
}

/// From `Box::into_raw`. The system writes to what is behind it.
#[derive(Debug)]
struct InFlight(*mut Operation);

// SAFETY: nothing about an operation belongs to a thread, and it is touched with the table locked, or
// out of the table by the one who took it out.
unsafe impl Send for InFlight {}

struct Operation {
    overlapped: OVERLAPPED,
    buffer: Vec<u8>,
    completion: Arc<Completion>,
}

impl Channel {
    /// Of a handle that was opened for overlapped I/O.
    pub(crate) fn new(handle: OwnedHandle) -> Self {
        Self { handle, port: Mutex::new(None) }
    }

    pub(crate) fn handle(&self) -> &OwnedHandle {
        &self.handle
    }

    /// Whether an operation was ever started.
    pub(crate) fn is_used(&self) -> bool {
        self.port.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Starts an operation. `buffer` comes back with its outcome.
    ///
    /// # Errors
    ///
    /// When there is no port. What goes wrong with the operation is its outcome.
    pub(crate) fn start(&self, request: Request, buffer: Vec<u8>) -> io::Result<Arc<Completion>> {
        let completion = Arc::new(Completion::default());
        self.port()?.start(&self.handle, request, buffer, &completion);
        Ok(completion)
    }

    fn port(&self) -> io::Result<Arc<Port>> {
        let mut bound = self.port.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(port) = &*bound {
            return Ok(Arc::clone(port));
        }
        let port = Port::of_process()?;
        port.bind(&self.handle)?;
        *bound = Some(Arc::clone(&port));
        Ok(port)
    }
}

impl Drop for Channel {
    /// What is in flight ends now, also where somebody else has a duplicate of the handle.
    fn drop(&mut self) {
        sys::cancel(&self.handle);
    }
}

impl Port {
    /// Made at the first need, with its thread. Neither ever ends.
    fn of_process() -> io::Result<Arc<Self>> {
        static PORT: Mutex<Option<Arc<Port>>> = Mutex::new(None);
        let mut made = PORT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(port) = &*made {
            return Ok(Arc::clone(port));
        }
        // SAFETY: a call without a pointer, for a port without a handle yet.
        let handle = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, and nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        let port = Arc::new(Self { handle, table: Mutex::new(HashMap::new()) });
        let served = Arc::clone(&port);
        thread::Builder::new().name("mpconn-pipe".to_owned()).spawn(move || served.serve())?;
        *made = Some(Arc::clone(&port));
        Ok(port)
    }

    fn bind(&self, handle: &OwnedHandle) -> io::Result<()> {
        // SAFETY: both handles are open, and no pointer is passed.
        let port = unsafe {
            CreateIoCompletionPort(handle.as_raw_handle(), self.handle.as_raw_handle(), 0, 0)
        };
        if port.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn start(
        &self,
        handle: &OwnedHandle,
        request: Request,
        mut buffer: Vec<u8>,
        completion: &Arc<Completion>,
    ) {
        let from = if let Request::Read { from } = request { from } else { 0 };
        let data = buffer[from..].as_mut_ptr();
        let length = u32::try_from(buffer.len() - from).expect("as callers ensure");
        // Pending from the beginning, as rule 2 needs it.
        let internal = usize::try_from(STATUS_PENDING).expect("a positive number");
        let overlapped = OVERLAPPED { Internal: internal, ..OVERLAPPED::default() };
        let operation = Operation { overlapped, buffer, completion: Arc::clone(completion) };
        let operation = Box::into_raw(Box::new(operation));
        // SAFETY: it was made the line before; only its address is taken.
        let overlapped = unsafe { &raw mut (*operation).overlapped };
        // Before the system knows of it: its packet may come at once.
        self.lock().insert(overlapped as usize, InFlight(operation));

        let handle = handle.as_raw_handle();
        // SAFETY: `overlapped` and the `length` bytes at `data` live until the table's entry is
        // removed, which is after the operation's end, by rule 1. Nobody else touches them: the
        // vector's memory does not move with the vector.
        let is_done = unsafe {
            match request {
                Request::Connect => ConnectNamedPipe(handle, overlapped),
                Request::Read { .. } => ReadFile(handle, data, length, ptr::null_mut(), overlapped),
                Request::Write => WriteFile(handle, data, length, ptr::null_mut(), overlapped),
            }
        } != 0;
        // From here on the operation may be over, and its memory gone.
        let error = if is_done { 0 } else { last_error() };
        if error != ERROR_IO_PENDING {
            self.end_at_once(overlapped as usize, completion, error);
        }
    }

    fn end_at_once(&self, address: usize, completion: &Arc<Completion>, error: WIN32_ERROR) {
        let mut table = self.lock();
        // A packet may have ended it before, and another operation have got the address.
        let is_ours = table.get(&address).is_some_and(|in_flight| {
            // SAFETY: entries of the table are live, and `completion` never changes.
            Arc::ptr_eq(unsafe { &(*in_flight.0).completion }, completion)
        });
        if !is_ours {
            return;
        }
        let InFlight(operation) = table.remove(&address).expect("it is ours");
        // SAFETY: from `Box::into_raw`, and out of the table, so ours alone: the system does not
        // write any more to an operation that has ended.
        let Operation { overlapped, buffer, .. } = *unsafe { Box::from_raw(operation) };
        let transferred = match error {
            0 | ERROR_MORE_DATA => overlapped.InternalHigh,
            _ => 0,
        };
        let wakers = completion.end(Outcome { buffer, transferred, error });
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn serve(&self) {
        loop {
            let (mut transferred, mut key, mut overlapped) = (0, 0, ptr::null_mut());
            // SAFETY: the port lives for ever, and the three pointers for the call.
            unsafe {
                GetQueuedCompletionStatus(
                    self.handle.as_raw_handle(),
                    &raw mut transferred,
                    &raw mut key,
                    &raw mut overlapped,
                    INFINITE,
                );
            }
            for waker in self.end_if_over(overlapped as usize) {
                // Every pipe of the process depends on this thread: a waker must not end it.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
        }
    }

    /// Ends the operation at this address, if there is one that has ended, and returns who waits.
    fn end_if_over(&self, address: usize) -> Vec<Waker> {
        let mut table = self.lock();
        let Some(&InFlight(operation)) = table.get(&address) else { return Vec::new() };
        // SAFETY: entries of the table are live. The system may be writing this word, which it does
        // when all else is written.
        let status = unsafe { (&raw const (*operation).overlapped.Internal).read_volatile() };
        #[expect(clippy::cast_possible_truncation, reason = "a status has 32 bits")]
        let status = status as NTSTATUS;
        if status == STATUS_PENDING {
            return Vec::new();
        }
        fence(Ordering::Acquire);
        table.remove(&address);
        // SAFETY: from `Box::into_raw`, out of the table, and ended: ours alone.
        let Operation { overlapped, buffer, completion } = *unsafe { Box::from_raw(operation) };
        // SAFETY: a table of numbers.
        let error = unsafe { RtlNtStatusToDosError(status) };
        completion.end(Outcome { buffer, transferred: overlapped.InternalHigh, error })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, InFlight>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last_error() -> WIN32_ERROR {
    // SAFETY: no argument.
    unsafe { GetLastError() }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};
    use std::time::{Duration, Instant};

    use windows_sys::Win32::Foundation::ERROR_OPERATION_ABORTED;
    use windows_sys::Win32::System::IO::PostQueuedCompletionStatus;

    use super::*;
    use crate::block_until;
    use crate::security::Security;
    use crate::sys::Direction;

    const SHORT: Duration = Duration::from_millis(50);

    fn waiting() -> (Channel, Arc<Completion>) {
        let name = crate::pipe::fresh_name().expect("random bytes");
        let security = Security::default().descriptor().expect("a descriptor");
        let server = sys::create(&name, Direction::Both, true, &security).expect("a pipe");
        let channel = Channel::new(server);
        let completion = channel.start(Request::Connect, Vec::new()).expect("a port");
        (channel, completion)
    }

    fn address_of(port: &Port, completion: &Arc<Completion>) -> Option<usize> {
        let table = port.lock();
        // SAFETY: entries of the table are live.
        let is_it = |op: &InFlight| Arc::ptr_eq(unsafe { &(*op.0).completion }, completion);
        table.iter().find_map(|(&address, op)| is_it(op).then_some(address))
    }

    #[test]
    fn the_packets_of_strangers_are_ignored() {
        let (channel, completion) = waiting();
        let port = channel.port().expect("a port");
        let ours = address_of(&port, &completion).expect("it is in flight");
        for address in [0, 8, ours] {
            // SAFETY: a packet carries numbers, and nobody follows them.
            let is_posted = unsafe {
                PostQueuedCompletionStatus(port.handle.as_raw_handle(), 1, 1, address as *mut _)
            };
            assert_ne!(is_posted, 0);
        }
        thread::sleep(SHORT);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(completion.poll_ended(&mut cx).is_pending());
        assert_eq!(address_of(&port, &completion), Some(ours));
    }

    #[test]
    fn what_is_dropped_ends_and_leaves_the_table() {
        let (channel, completion) = waiting();
        let port = channel.port().expect("a port");
        drop(channel);
        let deadline = Instant::now() + Duration::from_secs(20);
        let outcome = block_until(Some(deadline), |cx| completion.poll(cx)).expect("in time");
        assert_eq!(outcome.error, ERROR_OPERATION_ABORTED);
        assert_eq!(address_of(&port, &completion), None);
    }

    #[test]
    fn what_fails_at_once_leaves_the_table() {
        let (channel, _) = waiting();
        // Nobody has connected.
        let completion = channel.start(Request::Write, vec![0]).expect("a port");
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(outcome) = completion.poll(&mut cx) else { panic!("it cannot wait") };
        assert_ne!(outcome.error, 0);
        assert_eq!(outcome.buffer, [0]);
        assert_eq!(address_of(&channel.port().expect("a port"), &completion), None);
    }
}
