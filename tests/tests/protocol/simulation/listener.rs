//! The listener: the adapters' slots, driven as the adapters drive them, and its conversations.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use mpconn::{AcceptTime, Address, AuthKey};
use mpconn_sockets::{Error, Outcome, Session, Slots, Turn};

use super::client::{HANDSHAKE, Nature, Plan};
use super::network::{End, Event, Link, Net};
use super::seed::Seed;
use super::talk::Talk;

/// The program that accepts is elsewhere for at most so long, at a time and in all.
const BUSY: Duration = Duration::from_secs(1);
const BUSY_IN_ALL: Duration = Duration::from_secs(3);

pub(crate) struct Listener {
    net: Net,
    plans: Rc<[Rc<Plan>]>,
    seed: Seed,
    slots: Slots<End>,
    /// Links that may have something for a handshake.
    ready: BTreeSet<Link>,
    /// The time that was spent accepting, which is the clock of the slots, and since when.
    clock: AcceptTime,
    since: Duration,
    busy: Duration,
    /// The most pending handshakes.
    most: usize,
    /// In the order in which they were accepted.
    taken: Vec<Link>,
    served: BTreeMap<Link, Served>,
    /// What became of the handshakes.
    pub(crate) outcomes: BTreeMap<Link, Result<(), Error>>,
    /// How the conversations ended, and what had been heard by then.
    pub(crate) ends: BTreeMap<Link, (Error, usize)>,
}

struct Served {
    talk: Talk,
    heard: usize,
}

impl Listener {
    pub(crate) fn new(net: Net, plans: Rc<[Rc<Plan>]>, most: usize, seed: Seed) -> Self {
        let mut session = Session::new(Some(AuthKey::new(Nature::Honest.key())));
        session.handshake_timeout = Some(HANDSHAKE);
        Self {
            net,
            plans,
            seed,
            slots: Slots::new(session, most),
            most,
            taken: Vec::new(),
            ready: BTreeSet::new(),
            clock: AcceptTime::default(),
            since: Duration::ZERO,
            busy: Duration::ZERO,
            served: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Nobody is left in a handshake.
    pub(crate) fn is_idle(&self) -> bool {
        self.slots.acceptor().is_empty() && !self.slots.has_outcomes()
    }

    /// Something may have come over this link.
    pub(crate) fn look_at(&mut self, link: Link) {
        if self.served.contains_key(&link) {
            self.serve(link);
        } else if !self.outcomes.contains_key(&link) {
            self.ready.insert(link);
            self.accept();
        }
    }

    /// One round of accepting: what has arrived, what has expired, new clients.
    pub(crate) fn accept(&mut self) {
        let now = self.net.now();
        let Some(passed) = now.checked_sub(self.since) else { return };
        self.clock.0 += passed;
        self.since = now;

        let pending = self.slots.acceptor().pending();
        let ready = pending.filter(|(_, client)| self.ready.contains(&client.transport.0.link));
        let ready: Vec<_> = ready.map(|(id, _)| id).collect();
        self.ready.clear();
        for id in ready {
            self.slots.progress(id, Turn::All, End::transfer);
        }
        self.slots.expire(self.clock, End::transfer);
        while self.slots.acceptor().has_room() {
            let Some(end) = self.net.accept() else { break };
            let peer = Address::from(("link", u16::try_from(end.link).expect("a few")));
            self.slots.make_room(End::transfer);
            self.taken.push(end.link);
            if let Some(id) = self.slots.add(|_| end, Some(peer), self.clock) {
                self.slots.progress(id, Turn::All, End::transfer);
            }
        }
        while let Some(outcome) = self.slots.next_outcome() {
            if self.take(outcome) {
                break;
            }
        }
        if let Some(expiry) = self.slots.acceptor().next_expiry() {
            self.net.at(self.since + (expiry.0 - self.clock.0), Event::Listener);
        }
    }

    /// True: the program goes elsewhere with it for a while.
    fn take(&mut self, outcome: Outcome<End>) -> bool {
        match outcome {
            Ok(client) => {
                let link = client.socket.link;
                let plan = self.plan_of(link);
                assert!(plan.nature.has_the_key(), "{:?} was let in", plan.nature);
                assert!(client.authenticated.is_some());
                let talk = Talk::new(client.socket, client.recv, self.seed.split());
                self.served.insert(link, Served { talk, heard: 0 });
                self.note(link, Ok(()));
                // Its first messages may have come with the end of the handshake.
                self.serve(link);
                self.is_busy()
            }
            Err(failed) => {
                let Some(Address::Inet { port, .. }) = failed.address else {
                    panic!("whose is it: {failed}")
                };
                let link = port.into();
                if let Error::Evicted = failed.error {
                    let pending = self.slots.acceptor().pending();
                    let mut before = pending.filter(|(_, client)| client.transport.0.link < link);
                    let is_oldest = before.all(|(_, client)| client.is_authenticated());
                    let after = self.taken.iter().rev().take_while(|taken| **taken != link);
                    let is_old = after.count() >= self.most / 2;
                    assert!(is_oldest || is_old, "an older one was to be dropped");
                }
                self.note(link, Err(failed.error));
                false
            }
        }
    }

    fn note(&mut self, link: Link, outcome: Result<(), Error>) {
        assert!(self.outcomes.insert(link, outcome).is_none(), "told twice");
    }

    fn is_busy(&mut self) -> bool {
        let pause = self.seed.within(BUSY);
        if !self.seed.chance(20) || self.busy + pause > BUSY_IN_ALL {
            return false;
        }
        self.busy += pause;
        self.since = self.net.now() + pause;
        self.net.at(self.since, Event::Listener);
        true
    }

    /// Says again what it hears.
    fn serve(&mut self, link: Link) {
        let plan = self.plan_of(link);
        let Some(Served { talk, heard }) = self.served.get_mut(&link) else { return };
        let went = talk.go_on(|talk, message| {
            if let Nature::Honest = plan.nature {
                assert_eq!(Some(&message), plan.messages.get(*heard), "lost, doubled or moved");
            }
            *heard += 1;
            talk.say(message);
        });
        if let Err(error) = went {
            self.ends.insert(link, (error, *heard));
            self.served.remove(&link);
        }
    }

    fn plan_of(&self, link: Link) -> Rc<Plan> {
        Rc::clone(&self.plans[self.net.client_of(link)])
    }
}
