//! The core without an allocator.
//!
//! ```sh
//! rustup target add thumbv7em-none-eabi
//! cd tests/no_std && cargo build
//! ```
//!
//! There is no global allocator here: if any of the framer, the transmit half or the handshake
//! came to need one, this would no longer build. It is linked, not run. `tests/no_alloc.rs` runs
//! the same conversation under an allocator that counts.

#![no_std]
#![no_main]

mod conversation;

/// Keeps the program: what a reset handler would call.
#[used]
static PROGRAM: fn() -> Option<usize> = conversation::hold;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
