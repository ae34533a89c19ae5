//! The pending clients of a listener, and how to wait for them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;

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
        // Elsewhere, the kernel keeps none. Two at most for each that comes, so that many that became
        // active at once are kept again.
        for _ in 0..2 {
            if !cfg!(target_os = "linux") || self.asked.len() <= ASKED {
                return;
            }
            let Some(oldest) = self.asked.pop_front() else { return };
            match slots.get(oldest) {
                None => {}
                Some((socket, false)) if self.keep(oldest, socket).is_ok() => {}
                // It waits to be written to, or no descriptor or memory is left: ask on.
                Some(_) => self.asked.push_back(oldest),
            }
        }
    }

    fn keep(&mut self, id: ClientId, socket: &Socket) -> io::Result<()> {
        let poller = match &mut self.poller {
            Some(poller) => poller,
            None => self.poller.insert(Poller::new()?),
        };
        poller.add(self.next, &Source::of(socket))?;
        self.kept.insert(self.next, id);
        self.next += 1;
        Ok(())
    }

    /// Makes another set of the kernel: this one has descriptors that are not of a pending client, or
    /// belongs to the process that this one was forked from.
    fn renew(&mut self, slots: &Slots<Socket>) {
        self.poller = None;
        for id in mem::take(&mut self.kept).into_values() {
            if let Some((socket, _)) = slots.get(id) {
                if self.keep(id, socket).is_err() {
                    self.asked.push_back(id);
                }
            }
        }
    }

    /// Forgets clients that are no longer pending.
    pub(crate) fn tidy(&mut self, slots: &Slots<Socket>) {
        let pending = slots.acceptor().len();
        if pending == 0 {
            // With its descriptor, so that a listener has no more than before.
            self.asked.clear();
            self.kept.clear();
            self.poller = None;
            return;
        }
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
        if !poller.is_of_this_process() {
            self.renew(slots);
            return Ok(ready);
        }
        let mut is_stale = false;
        for key in poller.wait(Deadline::now())? {
            let id = self.kept.remove(&key);
            match id.and_then(|id| Some((id, slots.get(id)?))) {
                Some((id, (socket, _))) => {
                    poller.remove(key, &Source::of(socket));
                    self.asked.push_back(id);
                    ready.push(id);
                }
                // It was accepted meanwhile, or somebody has a duplicate of its descriptor.
                None => is_stale = true,
            }
        }
        if is_stale {
            self.renew(slots);
        }
        Ok(ready)
    }
}
