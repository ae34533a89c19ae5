//! A listener among honest and hostile clients, in memory, under a virtual clock and a seed.
//!
//! The listener is the adapters' own [`Slots`](mpconn_sockets::Slots) over the core's `Acceptor` and
//! `Connection`; the clients are the core's `HandshakeDriver`, and both converse through `RecvBuffer`
//! and `SendBuffer`. The network between them delays, splits, resets and stalls. Nothing but the bytes of the listener's challenges is outside the
//! seed, and no length or time depends on those.
//!
//! ```text
//! MPCONN_SIMULATION_SEED=77 cargo test -p mpconn-tests --test protocol simulation    one seed
//! MPCONN_SIMULATION_SEEDS=1000000 ...                                       more than usual
//! ```

mod attack;
mod client;
mod listener;
mod network;
mod seed;
mod talk;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use std::{env, panic};

use mpconn::{Digest, Policy};
use mpconn_sockets::Error;
use mpconn_tests::content;

use attack::Attack;
use client::{Client, Nature, Plan};
use listener::Listener;
use network::{Event, Fault, Net, Quality, Side};
use seed::Seed;

/// Seeds that are run unless the environment says otherwise.
const SEEDS: u64 = 10_000;

/// Everybody calls within this time.
const CALLS: Duration = Duration::from_secs(8);

/// When they call all at once, then within this time.
const RUSH: Duration = Duration::from_millis(300);

/// By when an honest client that is given no rest by strangers is in all the same: they stop
/// calling, and its next handshake takes less than its deadline.
const IN_BY: Duration = Duration::from_secs(20);

/// What happened in a run, counted.
type Tally = BTreeMap<String, usize>;

fn quality(seed: &mut Seed, with_faults: bool) -> Quality {
    let fault = (with_faults && seed.chance(30)).then(|| {
        let side = seed.pick(&[Side::Client, Side::Listener]);
        let after = seed.pick(&[300, 3000]);
        (side, seed.below(after), seed.pick(&[Fault::Reset, Fault::Stall]))
    });
    Quality {
        latency: seed.within(Duration::from_millis(80)),
        piece: seed.pick(&[1, 7, 100, 5000, 100_000]),
        window: seed.pick(&[64, 300, 5000, 100_000]),
        fault,
    }
}

/// No more than the link can carry in the time there is.
fn messages(number: usize, quality: &Quality, seed: &mut Seed) -> Vec<Vec<u8>> {
    let slow = quality.window.min(quality.piece * 50);
    let most = if seed.chance(5) { 3 * slow } else { 300.min(slow) };
    let sizes = (0..seed.below(8)).map(|_| seed.below(most));
    sizes.enumerate().map(|(nth, size)| content::message(10 * number + nth, size)).collect()
}

fn plan(number: usize, nature: Nature, begins: Duration, seed: &mut Seed) -> Plan {
    let quality = quality(seed, matches!(nature, Nature::Honest));
    let messages = messages(number, &quality, seed);
    let digest = seed.pick(&Digest::ALL);
    let policy = if digest == Digest::Md5 { Policy::COMPAT } else { Policy::MODERN };
    let policy = policy.challenge_with(digest);
    Plan { nature, policy, begins, quality, messages }
}

fn nature(seed: &mut Seed) -> Nature {
    match seed.below(8) {
        0 => Nature::WrongKey,
        1 => Nature::Insider(Attack::of_an_insider(seed)),
        _ => Nature::Stranger(Attack::of_a_stranger(seed)),
    }
}

/// A listener's cap, and who calls it. The honest ones alone never fill it.
fn plans(seed: &mut Seed) -> (usize, Rc<[Rc<Plan>]>) {
    let honest = 1 + seed.below(6);
    let hostile = seed.pick(&[0, 4, 16, 40]);
    let most = honest + 1 + seed.below(16);
    // All together now, sometimes.
    let rush = seed.chance(30).then(|| seed.within(CALLS));
    let natures = (0..honest + hostile)
        .map(|number| if number < honest { Nature::Honest } else { nature(seed) });
    let natures: Vec<_> = natures.collect();
    let plans = natures.into_iter().enumerate().map(|(number, nature)| {
        let begins = match rush {
            Some(rush) if number > 0 => rush + seed.within(RUSH),
            _ => seed.within(CALLS),
        };
        Rc::new(plan(number, nature, begins, seed))
    });
    (most, plans.collect())
}

/// One run. Whatever is wrong panics.
fn run(number: u64, watch: impl Fn(Duration, Event)) -> Tally {
    let seed = &mut Seed::new(number);
    let (most, plans) = plans(seed);
    let net = Net::new(seed.split());
    let mut listener = Listener::new(net.clone(), Rc::clone(&plans), most, seed.split());
    let clients = plans.iter().enumerate();
    let mut clients: Vec<_> = clients
        .map(|(number, plan)| Client::new(number, Rc::clone(plan), net.clone(), seed.split()))
        .collect();
    while let Some(event) = net.next_event() {
        watch(net.now(), event);
        match event {
            Event::Client(number) => clients[number].go_on(),
            Event::Accepted(link) => listener.look_at(link),
            Event::Listener => listener.accept(),
        }
    }
    assert!(listener.is_idle(), "somebody is left in a handshake");
    let mut tally = Tally::from([("steps".into(), net.steps())]);
    for (client, plan) in clients.iter().zip(&*plans) {
        check(client, plan, &listener, &mut tally);
    }
    tally
}

fn check(client: &Client, plan: &Plan, listener: &Listener, tally: &mut Tally) {
    let mut count = |what: String| *tally.entry(what).or_default() += 1;
    for link in &client.links {
        let outcome = listener.outcomes.get(link).expect("every link comes to something");
        let kind = outcome.as_ref().err().map_or("let in", kind);
        count(format!("listener {} {kind}", plan.nature));
        if let Some((error, _)) = listener.ends.get(link) {
            count(format!("conversation {} {}", plan.nature, self::kind(error)));
        }
    }
    let Some(end) = client.end() else {
        assert!(matches!(plan.nature, Nature::Stranger(_) | Nature::Insider(_)), "it hangs");
        return;
    };
    let kind = end.as_ref().err().map_or("done", kind);
    count(format!("client {} {kind}", plan.nature));
    let last = client.links.last().expect("it has called");
    match (&plan.nature, plan.quality.fault) {
        (Nature::Honest, None) => {
            assert!(end.is_ok(), "{end:?}");
            let (last, others) = client.links.split_last().expect("it has called");
            let gave_way = |link| matches!(listener.outcomes[link], Err(Error::Evicted));
            assert!(others.iter().all(gave_way), "turned away for no reason");
            assert!(client.let_in_at.is_some_and(|at| at <= IN_BY), "{:?}", client.let_in_at);
            let (error, heard) = &listener.ends[last];
            assert!(matches!(error, Error::Ended), "{error}");
            assert_eq!(*heard, plan.messages.len());
        }
        (Nature::Honest, Some(_)) => {
            assert!(!matches!(end, Err(Error::Auth(_))), "{end:?}");
            assert!(!matches!(listener.outcomes[last], Err(Error::Auth(_))));
        }
        (Nature::WrongKey, _) => assert!(end.is_err()),
        (Nature::Insider(_) | Nature::Stranger(_), _) => {}
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Auth(_) => "unauthenticated",
        Error::Frame(_) => "frame",
        Error::Ended | Error::HandshakeEnded { source: None, .. } => "ended",
        Error::TimedOut(_) => "timed out",
        Error::Evicted => "evicted",
        Error::Io(_) | Error::HandshakeEnded { source: Some(_), .. } => "reset",
        _ => panic!("{error}"),
    }
}

fn number_in(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

#[test]
fn honest_clients_get_in_and_are_heard_among_hostile_ones() {
    if let Some(seed) = number_in("MPCONN_SIMULATION_SEED") {
        println!("{:#?}", run(seed, |now, event| println!("{now:?} {event:?}")));
        return;
    }
    let mut tally = Tally::new();
    for seed in 0..number_in("MPCONN_SIMULATION_SEEDS").unwrap_or(SEEDS) {
        let counted = panic::catch_unwind(|| run(seed, |_, _| {})).unwrap_or_else(|panic| {
            eprintln!("once more, and alone: MPCONN_SIMULATION_SEED={seed}");
            panic::resume_unwind(panic)
        });
        for (what, count) in counted {
            *tally.entry(what).or_default() += count;
        }
    }
    println!("{tally:#?}");
    for what in HAPPENS {
        assert!(tally.contains_key(*what), "never seen: {what}");
    }
}

/// What must have been seen among so many seeds, or the simulation shows nothing.
const HAPPENS: &[&str] = &[
    "client honest done",
    "client honest ended",
    "client honest reset",
    "client honest timed out",
    "client wrong-key unauthenticated",
    "listener honest let in",
    "listener honest evicted",
    "listener honest timed out",
    "listener honest reset",
    "listener insider let in",
    "listener wrong-key unauthenticated",
    "listener stranger unauthenticated",
    "listener stranger frame",
    "listener stranger ended",
    "listener stranger evicted",
    "listener stranger timed out",
    "listener stranger reset",
    "conversation insider frame",
    "conversation insider reset",
];

#[test]
fn a_seed_replays() {
    for seed in 0..100 {
        let events = || {
            let events = RefCell::new(vec![]);
            (run(seed, |now, event| events.borrow_mut().push((now, event))), events)
        };
        assert_eq!(events(), events());
    }
}
