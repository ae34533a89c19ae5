//! The pending clients of a listener, and how to wait for them.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use mpconn::ClientId;
use mpconn_sockets::Slots;

use crate::deadline::Deadline;
use crate::platform::poll::{Watch, is_ready, watch};
use crate::platform::socket::Socket;
use crate::poller::Poller;
use crate::wait::Source;

/// The newest clients, which are asked about at each wait. An honest client answers soon, and is done
/// before it is worth a set of the kernel's.
const ASKED: usize = 16;

/// Which clients are waited for in which way.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Asked about at each wait, the newest last.
    asked: VecDeque<ClientId>,
    /// The others, which the kernel keeps, by their keys there.
    kept: BTreeMap<u64, ClientId>,
    next: u64,
    /// None before the first is kept.
    poller: Option<Poller>,
}

impl Pending {
    /// Adds a client that is pending. The oldest of too many that are asked about is kept by the kernel
    /// from now on.
    pub(crate) fn add(&mut self, id: ClientId, slots: &Slots<Socket>) {
        self.asked.push_back(id);
        // Elsewhere, the kernel keeps none.
        if !cfg!(target_os = "linux") || self.asked.len() <= ASKED {
            return;
        }
        let Some(oldest) = self.asked.pop_front() else { return };
        // One that waits to be written to is seldom there for long.
        let Some((socket, false)) = slots.get(oldest) else {
            if slots.get(oldest).is_some() {
                self.asked.push_back(oldest);
            }
            return;
        };
        if self.keep(socket).is_ok() {
            self.kept.insert(self.next, oldest);
            self.next += 1;
        } else {
            // No descriptor or no memory is left: ask on.
            self.asked.push_back(oldest);
        }
    }

    fn keep(&mut self, socket: &Socket) -> io::Result<()> {
        if self.poller.as_ref().is_some_and(|poller| !poller.is_of_this_process()) {
            self.ask_about_all();
        }
        let poller = match &mut self.poller {
            Some(poller) => poller,
            None => self.poller.insert(Poller::new()?),
        };
        poller.add(self.next, &Source::of(socket))
    }

    /// Leaves the set of the kernel to the process that this one was forked from.
    fn ask_about_all(&mut self) {
        self.poller = None;
        self.asked.extend(std::mem::take(&mut self.kept).into_values());
    }

    /// Forgets clients that are no longer pending.
    pub(crate) fn tidy(&mut self, slots: &Slots<Socket>) {
        let pending = slots.acceptor().len();
        // Every one that is pending is among them.
        if self.asked.len() + self.kept.len() > pending {
            self.asked.retain(|id| slots.get(*id).is_some());
        }
        if self.kept.len() > 2 * pending + ASKED {
            self.kept.retain(|_, id| slots.get(*id).is_some());
        }
    }

    /// Returns what to wait for: the set of the kernel first, if it keeps any, then the others.
    pub(crate) fn watches<'a>(
        &'a self,
        slots: &'a Slots<Socket>,
    ) -> impl Iterator<Item = Watch<'a>> {
        let set = self.poller.as_ref().and_then(Poller::watch);
        let asked = self.asked.iter().filter_map(|id| slots.get(*id));
        set.into_iter().chain(asked.map(|(socket, writes)| watch(socket, writes)))
    }

    /// Returns the clients that are ready by these [`watches`](Self::watches), after a
    /// [`tidy`](Self::tidy), and whether the set of the kernel has others.
    pub(crate) fn ready(&self, watches: &[Watch<'_>]) -> (Vec<ClientId>, bool) {
        let has_set = self.poller.as_ref().and_then(Poller::watch).is_some();
        let (set, asked) = watches.split_at(usize::from(has_set));
        let ready = self.asked.iter().zip(asked).filter(|(_, watch)| is_ready(watch));
        (ready.map(|(id, _)| *id).collect(), set.iter().any(is_ready))
    }

    /// Returns the clients that are ready by the set of the kernel. From now on they are active, and
    /// asked about.
    pub(crate) fn take_kept(&mut self, slots: &Slots<Socket>) -> io::Result<Vec<ClientId>> {
        let mut ready = Vec::new();
        let Some(poller) = &mut self.poller else { return Ok(ready) };
        for key in poller.wait(Deadline::now())? {
            let Some(id) = self.kept.remove(&key) else {
                // Somebody has a duplicate of its descriptor, or this is a forked child.
                self.ask_about_all();
                break;
            };
            if let Some((socket, _)) = slots.get(id) {
                poller.remove(key, &Source::of(socket));
                self.asked.push_back(id);
                ready.push(id);
            }
        }
        Ok(ready)
    }
}
