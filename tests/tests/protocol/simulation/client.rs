//! Whoever calls the listener.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use mpconn::{Handshake, HandshakeDriver, MAX_MESSAGE, Policy, RecvBuffer, SendBuffer};
use mpconn_sockets::{Error, Phase, drive, timed_out};

use super::attack::Attack;
use super::network::{End, Event, Link, Net, Quality};
use super::seed::Seed;
use super::talk::Talk;

/// What a handshake may take, on either side.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// What a conversation may take: its links carry a few hundred bytes a second at the least.
const CONVERSATION: Duration = Duration::from_secs(300);

/// A client that is told to give way calls again after this.
const AGAIN: Duration = Duration::from_millis(300);

/// What a client is, and does; the listener's side is checked against it.
pub(crate) struct Plan {
    pub(crate) nature: Nature,
    pub(crate) policy: Policy,
    pub(crate) begins: Duration,
    pub(crate) quality: Quality,
    /// What an honest one says, and expects to hear again.
    pub(crate) messages: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Nature {
    Honest,
    /// It speaks the protocol, with another key.
    WrongKey,
    /// It has the key, and means ill.
    Insider(Attack),
    /// It has no key.
    Stranger(Attack),
}

impl fmt::Display for Nature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Honest => "honest",
            Self::WrongKey => "wrong-key",
            Self::Insider(_) => "insider",
            Self::Stranger(_) => "stranger",
        })
    }
}

impl Nature {
    pub(crate) fn has_the_key(&self) -> bool {
        matches!(self, Self::Honest | Self::Insider(_))
    }

    pub(crate) fn key(&self) -> &'static [u8] {
        if self.has_the_key() { b"what honest peers hold" } else { b"anything else" }
    }
}

pub(crate) struct Client {
    number: usize,
    plan: Rc<Plan>,
    net: Net,
    seed: Seed,
    state: State,
    /// All the links it has had.
    pub(crate) links: Vec<Link>,
    pub(crate) let_in_at: Option<Duration>,
}

enum State {
    /// It calls at this time.
    Before(Duration),
    Negotiating(Box<Negotiating>),
    Talking {
        talk: Box<Talk>,
        heard: usize,
        until: Duration,
    },
    Attacking {
        attack: Attack,
        end: End,
        next: Option<Duration>,
    },
    Over(Result<(), Error>),
}

struct Negotiating {
    end: End,
    recv: RecvBuffer,
    send: SendBuffer,
    driver: HandshakeDriver<&'static [u8]>,
    until: Duration,
}

impl Client {
    pub(crate) fn new(number: usize, plan: Rc<Plan>, net: Net, seed: Seed) -> Self {
        net.at(plan.begins, Event::Client(number));
        let state = State::Before(plan.begins);
        Self { number, plan, net, seed, state, links: vec![], let_in_at: None }
    }

    /// How it ended, if it did.
    pub(crate) fn end(&self) -> Option<&Result<(), Error>> {
        match &self.state {
            State::Over(end) => Some(end),
            _ => None,
        }
    }

    /// Does what there is to do.
    pub(crate) fn go_on(&mut self) {
        let now = self.net.now();
        self.state = match std::mem::replace(&mut self.state, State::Before(now)) {
            State::Before(begins) if now < begins => State::Before(begins),
            State::Before(_) => {
                let end = self.net.connect(self.number, self.plan.quality.clone());
                self.links.push(end.link);
                match &self.plan.nature {
                    Nature::Stranger(attack) => self.attack(attack.clone(), end),
                    _ => {
                        let state = self.negotiate(end);
                        self.negotiating(state)
                    }
                }
            }
            State::Negotiating(state) => self.negotiating(state),
            State::Talking { talk, heard, until } => self.talking(talk, heard, until),
            State::Attacking { mut attack, end, next } => match next {
                Some(next) if next <= now => {
                    if attack.go_on(&end, &self.net.tape()) {
                        self.attack(attack, end)
                    } else {
                        State::Over(Ok(()))
                    }
                }
                _ => State::Attacking { attack, end, next },
            },
            over @ State::Over(_) => over,
        };
    }

    fn wake_at(&self, time: Duration) {
        self.net.at(time, Event::Client(self.number));
    }

    fn attack(&self, attack: Attack, end: End) -> State {
        let next = attack.wait().map(|wait| self.net.now() + wait);
        if let Some(next) = next {
            self.wake_at(next);
        }
        State::Attacking { attack, end, next }
    }

    fn negotiate(&mut self, end: End) -> Box<Negotiating> {
        let plan = &self.plan;
        let handshake = Handshake::connecting(plan.nature.key(), &plan.policy, &mut self.seed);
        let driver = HandshakeDriver::new(handshake.expect("there is a key"));
        let until = self.net.now() + HANDSHAKE;
        self.wake_at(until);
        let (recv, send) = (RecvBuffer::new(MAX_MESSAGE as u64), SendBuffer::new());
        Box::new(Negotiating { end, recv, send, driver, until })
    }

    fn negotiating(&mut self, mut state: Box<Negotiating>) -> State {
        let Negotiating { end, recv, send, driver, .. } = &mut *state;
        match drive(driver, recv, send, |operation| end.transfer(operation)) {
            Ok(Some(_)) => self.let_in(*state),
            Ok(None) if self.net.now() < state.until => State::Negotiating(state),
            Ok(None) => State::Over(Err(timed_out(&state.driver))),
            Err(Error::HandshakeEnded { source: None, .. }) if self.calls_again() => {
                let again = self.net.now() + AGAIN + self.seed.within(AGAIN);
                self.wake_at(again);
                State::Before(again)
            }
            Err(error) => State::Over(Err(error)),
        }
    }

    /// When it can only have been told to give way to others.
    fn calls_again(&self) -> bool {
        matches!(self.plan.nature, Nature::Honest) && self.plan.quality.fault.is_none()
    }

    fn let_in(&mut self, state: Negotiating) -> State {
        self.let_in_at = Some(self.net.now());
        match &self.plan.nature {
            Nature::Honest => {
                let mut talk = Talk::new(state.end, state.recv, self.seed.split());
                for message in &self.plan.messages {
                    talk.say(message.clone());
                }
                let until = self.net.now() + CONVERSATION;
                self.wake_at(until);
                self.talking(Box::new(talk), 0, until)
            }
            Nature::Insider(attack) => self.attack(attack.clone(), state.end),
            Nature::WrongKey | Nature::Stranger(_) => panic!("let in without the key"),
        }
    }

    fn talking(&self, mut talk: Box<Talk>, mut heard: usize, until: Duration) -> State {
        let expected = &self.plan.messages;
        let went = talk.go_on(|_, message| {
            assert_eq!(Some(&message), expected.get(heard), "lost, doubled or out of order");
            heard += 1;
        });
        match went {
            Err(error) => State::Over(Err(error)),
            Ok(()) if heard == expected.len() && talk.has_said_all() => State::Over(Ok(())),
            Ok(()) if self.net.now() < until => State::Talking { talk, heard, until },
            Ok(()) => State::Over(Err(Error::TimedOut(Phase::Receive))),
        }
    }
}
