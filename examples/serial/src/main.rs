//! A device and a computer talk over a simulated serial line.
//!
//! ```text
//! cargo run -p mpconn-serial
//! rustup target add thumbv7em-none-eabi
//! cd examples/serial && cargo build --target thumbv7em-none-eabi
//! ```
//!
//! The first runs it here. The others link it for a microcontroller, where there is no allocator:
//! if the framer, the transmit half or the handshake came to need one, that would no longer build.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(not(target_os = "none"))]
fn main() {
    let carried = mpconn_serial::hold().expect("an honest conversation");
    println!("{carried} bytes came over the line");
}

/// Keeps the program: what a reset handler would call.
#[cfg(target_os = "none")]
#[used]
static PROGRAM: fn() -> Option<usize> = mpconn_serial::hold;

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
