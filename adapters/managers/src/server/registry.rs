//! What clients can create.

use std::collections::BTreeMap;
use std::fmt;

use mpconn_pickle::Exception;

use super::{Call, Cell, Dict, Event, List, Namespace, Queue, Semaphore, SharedObject};

type Make = Box<dyn Fn(&Call<'_, '_>) -> Result<Box<dyn SharedObject>, Exception> + Send>;

/// What a name stands for.
pub(crate) enum Type {
    /// Makes an object for each call.
    Make(Make),
    /// An object that is there from the beginning, until the machine has given it an id.
    Object(Option<Box<dyn SharedObject>>),
    /// The object of this id.
    Id(String),
}

/// The names that clients can create objects by. CPython's counterpart is `BaseManager.register`.
///
/// ```
/// use mpconn_managers::server::{Queue, Registry};
///
/// // As `SyncManager.register('get_jobs', callable=lambda: jobs)`.
/// let registry = Registry::new().register("get_jobs", Queue::new(0));
/// ```
pub struct Registry {
    pub(crate) types: BTreeMap<String, Type>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types.keys()).finish()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// Creates a registry with the types of `SyncManager` that are served here: `Queue`,
    /// `JoinableQueue`, `dict`, `list`, `Namespace`, `Value`, `Event`, `Lock`, `Semaphore` and
    /// `BoundedSemaphore`.
    #[must_use]
    pub fn new() -> Self {
        Self::empty()
            .register_type("Queue", Queue::create)
            .register_type("JoinableQueue", Queue::create)
            .register_type("dict", Dict::create)
            .register_type("list", List::create)
            .register_type("Namespace", Namespace::create)
            .register_type("Value", Cell::create)
            .register_type("Event", |call| call.nothing().map(|()| Event::default()))
            .register_type("Lock", |call| call.nothing().map(|()| Semaphore::lock()))
            .register_type("Semaphore", Semaphore::create)
            .register_type("BoundedSemaphore", |call| {
                Semaphore::create(call).map(Semaphore::into_bounded)
            })
    }

    /// Creates a registry without any type.
    #[must_use]
    pub fn empty() -> Self {
        Self { types: BTreeMap::new() }
    }

    /// Registers one object, which every client that creates `name` shares. It is never freed.
    #[must_use]
    pub fn register(mut self, name: &str, object: impl SharedObject + 'static) -> Self {
        self.types.insert(name.to_owned(), Type::Object(Some(Box::new(object))));
        self
    }

    /// Registers a type: each client that creates `name` gets a new object, made by `make` from the
    /// arguments.
    #[must_use]
    pub fn register_type<T: SharedObject + 'static>(
        mut self,
        name: &str,
        make: impl Fn(&Call<'_, '_>) -> Result<T, Exception> + Send + 'static,
    ) -> Self {
        let make: Make = Box::new(move |call| Ok(Box::new(make(call)?)));
        self.types.insert(name.to_owned(), Type::Make(make));
        self
    }
}
