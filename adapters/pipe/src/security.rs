//! Who may connect.
#![allow(unsafe_code)]

use std::ffi::{OsStr, c_void};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::ptr;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;

/// All rights for the owner of the pipe, who creates its instances, and none for others, whatever is
/// inherited.
const OWNER_ONLY: &str = "D:P(A;;GA;;;OW)";

/// Who may connect to a pipe, as a security descriptor in Windows's own text form, SDDL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security(String);

impl Security {
    /// Creates it from a descriptor such as `D:P(A;;GA;;;OW)(A;;0x12019b;;;BU)`, which lets all users
    /// of the machine connect. It is checked when a listener takes it.
    ///
    /// Grant `0x12019b` to those who may connect: `FILE_GENERIC_READ` and `FILE_GENERIC_WRITE` without
    /// `FILE_CREATE_PIPE_INSTANCE`. `GENERIC_WRITE` and `GENERIC_ALL` include that right, with which a
    /// user can pose as the server.
    #[must_use]
    pub fn sddl(descriptor: impl Into<String>) -> Self {
        Self(descriptor.into())
    }

    pub(crate) fn descriptor(&self) -> io::Result<Descriptor> {
        let text: Vec<u16> = OsStr::new(&self.0).encode_wide().chain([0]).collect();
        let mut descriptor = ptr::null_mut();
        // SAFETY: the text ends with a zero, and `descriptor` lives for the call.
        let is_made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        };
        if is_made == 0 { Err(io::Error::last_os_error()) } else { Ok(Descriptor(descriptor)) }
    }
}

impl Default for Security {
    /// The owner alone: the user, or for an elevated process the administrators.
    fn default() -> Self {
        Self(OWNER_ONLY.to_owned())
    }
}

/// A descriptor in the system's form.
#[derive(Debug)]
pub(crate) struct Descriptor(*mut c_void);

// SAFETY: it is memory that is only read until it is freed.
unsafe impl Send for Descriptor {}
// SAFETY: likewise.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// To be used while this lives. Handles are not inherited.
    pub(crate) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        let length = size_of::<SECURITY_ATTRIBUTES>();
        SECURITY_ATTRIBUTES {
            nLength: u32::try_from(length).expect("a small structure"),
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the system made it with `LocalAlloc`, and it is used no more.
        unsafe { LocalFree(self.0) };
    }
}
