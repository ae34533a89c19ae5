//! A test that stalls fails; it does not hang.

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// More than any test needs on a loaded machine, and less than anyone waits for a hung one.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test` on a thread of its own, for a minute at most. A panic in it is the caller's.
pub fn bounded<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, is_done) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = test();
        // Nobody listens any more when the minute is over.
        let _ = done.send(());
        result
    });
    match is_done.recv_timeout(LIMIT) {
        Err(RecvTimeoutError::Timeout) => panic!("stalled: not done after {LIMIT:?}"),
        // Disconnected is a panic, which `join` has.
        Ok(()) | Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Ok(result) => result,
            Err(panic) => panic::resume_unwind(panic),
        },
    }
}
