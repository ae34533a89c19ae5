//! Python's `multiprocessing.managers` in Rust: shared queues, dicts, locks and pools, as a client
//! of managers of Python, and as a server for proxies of Python.
//!
//! # As a client
//!
//! A Python with these lines calls any function that it can import:
//!
//! ```python
//! from multiprocessing.managers import SyncManager
//! manager = SyncManager(('127.0.0.1', 6000), b'a key that both sides hold')
//! manager.get_server().serve_forever()
//! ```
//!
#![cfg_attr(feature = "blocking", doc = "```no_run")]
#![cfg_attr(not(feature = "blocking"), doc = "```ignore")]
//! use std::time::Duration;
//!
//! use mpconn_managers::AuthKey;
//! use mpconn_managers::blocking::{Manager, Pool, Queue};
//!
//! let key = AuthKey::new("a key that both sides hold");
//! let manager = Manager::connect(("127.0.0.1", 6000), key)?;
//!
//! let pool: Pool = manager.create(&(2,))?;
//! let factorial: u64 = pool.apply("math.factorial", &(20,), Duration::from_secs(10))?;
//! assert_eq!(factorial, 2_432_902_008_176_640_000);
//!
//! let queue: Queue<(String, u32)> = manager.create(&())?;
//! queue.put(&("resize".to_owned(), 64), None)?;
//! assert_eq!(queue.get(Duration::from_secs(1))?, Some(("resize".to_owned(), 64)));
//! # Ok::<(), mpconn_managers::Error>(())
//! ```
//!
//! What a program has registered by `BaseManager.register` is called by its name, with
//! `manager.create_as::<Queue<Job>>("get_jobs", &())`. [`proxies`] has the known types; any other is a
//! proxy whose [`Methods`] are called by name.
//!
//! # As a server
//!
#![cfg_attr(feature = "blocking", doc = "```")]
#![cfg_attr(not(feature = "blocking"), doc = "```ignore")]
//! use std::thread;
//!
//! use mpconn_managers::AuthKey;
//! use mpconn_managers::blocking::{Manager, Queue, Server};
//! use mpconn_managers::server::{self, Registry};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = AuthKey::new("a key that both sides hold");
//! let registry = Registry::new().register("get_jobs", server::Queue::new(0));
//! let server = Server::bind(("127.0.0.1", 0), key.clone(), registry)?;
//! let address = server.address().clone();
//! let serving = thread::spawn(move || server.serve());
//!
//! // In Python: manager.register('get_jobs'); manager.connect(); manager.get_jobs().put(7)
//! let manager = Manager::connect(address, key)?;
//! let jobs: Queue<i64> = manager.create_as("get_jobs", &())?;
//! jobs.put(&7, None)?;
//! assert_eq!(jobs.get(None)?, Some(7));
//! drop(jobs);
//! manager.shutdown()?;
//! serving.join().expect("it does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! [`server`] has the types that are served, and [`server::SharedObject`] is the trait for others.
//!
//! # Values
//!
//! Arguments and results are pickles, which [`mpconn_pickle`] reads and writes: any type of serde's,
//! or a [`pickle::Value`]. Nothing that a peer sends is imported or called. A server keeps values as
//! they are, objects of unknown classes included, and gives them to its clients, which execute what
//! a pickle says, as with a manager of Python's: all who hold the key trust each other. What two
//! places of one value share is copied, and what contains itself is an error.
//!
//! Requests to a Python 2 are written in protocol 2, and replies in what the client is known to read,
//! so that Python 2 and Python 3 share the queues of a server of this crate.
//!
//! # References
//!
//! A proxy has one reference to its object, and its clones share it. The last one gives it back when
//! it is dropped, which does nothing if the manager is gone. A proxy inside of a value is a
//! [`Reference`], of which `Manager::attach` makes a proxy.
//!
//! # Without I/O
//!
//! [`encode_request`], [`Reply`] and [`server::Machine`] are what a front end of another kind needs.
//! They do no I/O and read no clock.
//!
//! # Features
//!
//! - `blocking`, by default: the module `blocking`, on threads.
//! - `tokio`: the module `tokio`, on tasks.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "blocking", feature = "tokio")),
    allow(dead_code, reason = "each front end uses a part")
)]
#![cfg(any(unix, windows))]

#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod error;
#[cfg(any(test, feature = "__fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod options;
pub mod proxies;
mod reply;
mod request;
pub mod server;
mod shared;
mod token;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use call::Port;
pub use error::Error;
pub use mpconn::{Address, AuthKey};
pub use mpconn_pickle as pickle;
pub use options::Options;
pub use proxies::{Function, Methods, Typed};
pub use reply::Reply;
pub use request::{Arguments, encode_request};
pub use token::{Reference, Token};
