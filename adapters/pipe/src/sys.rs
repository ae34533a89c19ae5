//! The system's calls that take no memory past their return.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX, PIPE_ACCESS_INBOUND,
    SECURITY_IDENTIFICATION,
};
use windows_sys::Win32::System::IO::CancelIoEx;
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, NAMED_PIPE_MODE, PIPE_READMODE_MESSAGE, PIPE_REJECT_REMOTE_CLIENTS,
    PIPE_TYPE_MESSAGE, PIPE_UNLIMITED_INSTANCES, PeekNamedPipe, SetNamedPipeHandleState,
};

use crate::security::Descriptor;

/// Bytes that the system may keep of what is sent and not received, as CPython has it from 3.14 on.
const BUFFER: u32 = 64 * 1024;

/// No client from another machine, ever.
const PIPE_MODE: NAMED_PIPE_MODE =
    PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_REJECT_REMOTE_CLIENTS;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Both,
    /// The client alone.
    ToServer,
}

/// Makes an instance of a pipe, to which one client can connect. The `first` is an error when
/// somebody else has the name.
pub(crate) fn create(
    name: &str,
    direction: Direction,
    first: bool,
    security: &Descriptor,
) -> io::Result<OwnedHandle> {
    let name: Vec<u16> = OsStr::new(name).encode_wide().chain([0]).collect();
    let attributes = security.attributes();
    // SAFETY: the name ends with a zero, and both pointers live for the call.
    let handle = unsafe {
        CreateNamedPipeW(
            name.as_ptr(),
            open_mode(direction, first),
            PIPE_MODE,
            PIPE_UNLIMITED_INSTANCES,
            BUFFER,
            BUFFER,
            0,
            &raw const attributes,
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn open_mode(direction: Direction, first: bool) -> u32 {
    let access = match direction {
        Direction::Both => PIPE_ACCESS_DUPLEX,
        Direction::ToServer => PIPE_ACCESS_INBOUND,
    };
    let first = if first { FILE_FLAG_FIRST_PIPE_INSTANCE } else { 0 };
    access | FILE_FLAG_OVERLAPPED | first
}

/// Connects to an instance of a pipe, and reads whole messages from it. The server may learn who the
/// client is, and not act in its name.
pub(crate) fn open(name: &str, direction: Direction) -> io::Result<OwnedHandle> {
    let access = match direction {
        Direction::Both => GENERIC_READ | GENERIC_WRITE,
        Direction::ToServer => GENERIC_WRITE,
    };
    let file = OpenOptions::new()
        .access_mode(access)
        .share_mode(0)
        .custom_flags(FILE_FLAG_OVERLAPPED)
        .security_qos_flags(SECURITY_IDENTIFICATION)
        .open(name)?;
    let handle = OwnedHandle::from(file);
    let mode = PIPE_READMODE_MESSAGE;
    // SAFETY: the handle is open, and `mode` lives for the call; the others may be null.
    let is_set = unsafe {
        SetNamedPipeHandleState(handle.as_raw_handle(), &raw const mode, ptr::null(), ptr::null())
    };
    if is_set == 0 { Err(io::Error::last_os_error()) } else { Ok(handle) }
}

/// Bytes that are left of the message of which a part was read.
pub(crate) fn left_in_message(handle: &OwnedHandle) -> io::Result<usize> {
    let mut left = 0;
    // SAFETY: the handle is open, and `left` lives for the call; the others may be null.
    let is_told = unsafe {
        PeekNamedPipe(
            handle.as_raw_handle(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut left,
        )
    };
    if is_told == 0 { Err(io::Error::last_os_error()) } else { Ok(left as usize) }
}

/// Cancels this process's operations on the handle. They end later.
pub(crate) fn cancel(handle: &OwnedHandle) {
    // SAFETY: the handle is open, and no pointer is passed. It fails when nothing is in flight.
    unsafe { CancelIoEx(handle.as_raw_handle(), ptr::null()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    // Wine takes these flags and does not act on them.
    #[test]
    fn the_first_instance_alone_claims_the_name() {
        assert_ne!(open_mode(Direction::Both, true) & FILE_FLAG_FIRST_PIPE_INSTANCE, 0);
        assert_eq!(open_mode(Direction::Both, false) & FILE_FLAG_FIRST_PIPE_INSTANCE, 0);
        assert_ne!(open_mode(Direction::ToServer, true) & FILE_FLAG_FIRST_PIPE_INSTANCE, 0);
    }

    #[test]
    fn remote_clients_are_refused() {
        assert_ne!(PIPE_MODE & PIPE_REJECT_REMOTE_CLIENTS, 0);
        assert_ne!(PIPE_MODE & PIPE_TYPE_MESSAGE, 0);
        assert_ne!(PIPE_MODE & PIPE_READMODE_MESSAGE, 0);
    }
}
