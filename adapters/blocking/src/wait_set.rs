//! Waiting for many that are mostly silent.

use std::collections::{BTreeMap, BTreeSet};
use std::error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::poller::Poller;
use crate::wait::{Kind, Source, poll_once};

/// A set of connections, halves, listeners or descriptors to wait for, again and again.
///
/// It does what [`wait`](crate::wait()) does, at a cost that does not grow with those that are silent:
/// on Linux the kernel keeps the set (`epoll`). Elsewhere it asks about each, as `wait` does. The
/// pending handshakes of a listener are asked about at each wait, too.
///
/// The set owns its items, and knows them by a [`WaitKey`]. An item is anything whose reference becomes
/// a [`Source`]: for items of several kinds, implement `From<&Item> for Source` for an enum.
///
/// A forked child can use its copy, which does not touch that of its parent.
///
/// # Examples
///
/// An echo server for many clients that seldom say something:
///
/// ```no_run
/// use mpconn_blocking::{AuthKey, Connection, Error, Listener, Source, WaitSet};
///
/// enum Item {
///     Listener(Listener),
///     Client(Connection),
/// }
///
/// impl<'a> From<&'a Item> for Source<'a> {
///     fn from(item: &'a Item) -> Self {
///         match item {
///             Item::Listener(listener) => listener.into(),
///             Item::Client(client) => client.into(),
///         }
///     }
/// }
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let key = AuthKey::new("a secret of 16 bytes or more");
/// let mut set = WaitSet::new()?;
/// set.insert(Item::Listener(Listener::bind(("127.0.0.1", 6000), key)?))?;
/// loop {
///     for ready in set.wait(None)? {
///         match set.get_mut(ready) {
///             Some(Item::Listener(listener)) => {
///                 // What is ready may be a step of a handshake, and not a client.
///                 if let Ok(client) = listener.accept_timeout(std::time::Duration::ZERO) {
///                     set.insert(Item::Client(client))?;
///                 }
///             }
///             Some(Item::Client(client)) => {
///                 let echoed = client.recv_bytes().and_then(|message| client.send_bytes(&message));
///                 if echoed.is_err() {
///                     set.remove(ready);
///                 }
///             }
///             None => {}
///         }
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct WaitSet<T> {
    items: BTreeMap<u64, T>,
    next: u64,
    poller: Poller,
    /// Those that may have read ahead, or need no waiting for another reason.
    unsure: BTreeSet<u64>,
    listeners: BTreeSet<u64>,
}

/// Names an item of a [`WaitSet`]. It is not used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey(u64);

impl<T> WaitSet<T>
where
    for<'a> &'a T: Into<Source<'a>>,
{
    /// Creates an empty set.
    ///
    /// # Errors
    ///
    /// What the system says, if no file descriptor is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            items: BTreeMap::new(),
            next: 0,
            poller: Poller::new()?,
            unsure: BTreeSet::new(),
            listeners: BTreeSet::new(),
        })
    }

    /// Adds an item.
    ///
    /// # Errors
    ///
    /// [`InsertError`] returns the item if the system cannot watch it: a plain file, for one, or if a
    /// limit of the system is reached.
    pub fn insert(&mut self, item: T) -> Result<WaitKey, InsertError<T>> {
        let key = self.next;
        let source: Source<'_> = (&item).into();
        let is_listener = matches!(source.kind, Kind::Listener(_));
        let mut added = self.renew_in_child().and_then(|()| self.poller.add(key, &source));
        if added.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
            // By an item that was closed, whose descriptor somebody has kept open.
            added = self.renew().and_then(|()| self.poller.add(key, &source));
        }
        if let Err(error) = added {
            return Err(InsertError { item, error });
        }
        if is_listener {
            self.listeners.insert(key);
        }
        self.next += 1;
        self.unsure.insert(key);
        self.items.insert(key, item);
        Ok(WaitKey(key))
    }

    /// Removes an item and returns it, or `None` if it was removed before.
    pub fn remove(&mut self, key: WaitKey) -> Option<T> {
        let item = self.items.remove(&key.0)?;
        self.unsure.remove(&key.0);
        self.listeners.remove(&key.0);
        self.poller.remove(key.0, &(&item).into());
        Some(item)
    }

    /// Returns an item.
    #[must_use]
    pub fn get(&self, key: WaitKey) -> Option<&T> {
        self.items.get(&key.0)
    }

    /// Returns an item, to receive from it for example. Do not replace it by another one: its
    /// descriptor is the one that is watched.
    pub fn get_mut(&mut self, key: WaitKey) -> Option<&mut T> {
        let item = self.items.get_mut(&key.0)?;
        // It may read ahead now, or be closed.
        self.unsure.insert(key.0);
        Some(item)
    }

    /// Returns the number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns `true` if there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the items with their keys, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (WaitKey, &T)> {
        self.items.iter().map(|(&key, item)| (WaitKey(key), item))
    }

    /// Waits for at most `timeout` until at least one item is ready, and returns the keys of those that
    /// are, without any order. `None` waits without limit.
    ///
    /// Items are ready as [`wait`](crate::wait()) has it, and stay so until what is there was received.
    /// If more than 1,024 connections are ready, the others come with the next waits.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn wait(&mut self, timeout: impl Into<Option<Duration>>) -> io::Result<Vec<WaitKey>> {
        let mut deadline = Deadline::after(timeout);
        let mut ready = BTreeSet::new();
        self.renew_in_child()?;
        let items = &self.items;
        self.unsure.retain(|key| {
            let is_ready = items.get(key).is_some_and(|item| {
                let source: Source<'_> = item.into();
                source.is_ready
            });
            is_ready && ready.insert(*key)
        });
        if !ready.is_empty() {
            deadline = Deadline::now();
        }
        loop {
            self.wait_once(deadline, &mut ready)?;
            if !ready.is_empty() || deadline.has_passed() {
                return Ok(ready.into_iter().map(WaitKey).collect());
            }
        }
    }

    /// Adds what is ready. Nothing before the deadline: something changed that nobody waits for.
    fn wait_once(&mut self, deadline: Deadline, ready: &mut BTreeSet<u64>) -> io::Result<()> {
        let asked: Vec<u64> = self.listeners.iter().copied().chain(self.poller.asked()).collect();
        let mut in_time = deadline;
        if !asked.is_empty() {
            // The descriptor of the poller among them, if it has one.
            let own = self.poller.source();
            let has_own = own.is_some();
            let items = asked.iter().filter_map(|key| self.items.get(key).map(Into::into));
            let sources: Vec<Source<'_>> = own.into_iter().chain(items).collect();
            let places = poll_once(&sources, deadline)?;
            let of_items = places.into_iter().filter(|place| !has_own || *place > 0);
            ready.extend(of_items.map(|place| asked[place - usize::from(has_own)]));
            in_time = Deadline::now();
        }
        let mut polled = self.poller.wait(in_time)?;
        if polled.iter().any(|key| !self.items.contains_key(key)) {
            // The item is gone, and its descriptor is still open: somebody has a duplicate, or this
            // process is a forked child. Either way, others are not to be disturbed.
            self.renew()?;
            polled = self.poller.wait(Deadline::now())?;
        }
        ready.extend(polled);
        Ok(())
    }

    fn renew_in_child(&mut self) -> io::Result<()> {
        if self.poller.is_of_this_process() { Ok(()) } else { self.renew() }
    }

    fn renew(&mut self) -> io::Result<()> {
        let mut poller = Poller::new()?;
        for (&key, item) in &self.items {
            poller.add(key, &item.into())?;
        }
        self.poller = poller;
        Ok(())
    }
}

/// An item that the system cannot watch.
pub struct InsertError<T> {
    item: T,
    error: io::Error,
}

impl<T> InsertError<T> {
    /// Returns the item, and what the system says.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.item, self.error)
    }
}

// By hand, since not every item has `Debug`.
impl<T> fmt::Debug for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsertError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system cannot watch the item")
    }
}

impl<T> error::Error for InsertError<T> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}
