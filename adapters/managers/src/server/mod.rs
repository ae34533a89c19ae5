//! The server's side: shared objects, and the machine that answers requests about them. Nothing here
//! does I/O; [`blocking::Server`](crate::blocking::Server) and the one of
//! [`tokio`](crate::tokio) move the bytes.

mod answer;
mod dict;
mod inside;
mod list;
mod machine;
mod namespace;
mod object;
mod objects;
mod python;
mod queue;
mod registry;
mod repr;
mod sync;

pub use dict::Dict;
pub use list::List;
pub use machine::{Action, ClientId, Limits, Machine};
pub use namespace::{Cell, Namespace};
pub use object::{Call, Outcome, SharedObject};
pub use queue::Queue;
pub use registry::Registry;
pub use sync::{Event, Semaphore};
