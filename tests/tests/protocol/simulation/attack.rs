//! What hostile peers do, with and without the key.

use std::collections::VecDeque;
use std::time::Duration;

use mpconn::ReadBuf;

use super::network::End;
use super::seed::Seed;

const SOON: Duration = Duration::from_millis(200);

/// Longer than any handshake may take.
const FOR_EVER: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
enum Act {
    Say(Vec<u8>),
    /// Says what it has heard since it last did.
    Echo,
    /// Says once more what an honest client said.
    Replay,
    Close,
    Reset,
}

/// What to do, and how long to wait before.
#[derive(Debug, Clone)]
pub(crate) struct Attack(VecDeque<(Duration, Act)>);

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short one");
    [&length.to_be_bytes(), payload].concat()
}

fn extended(length: u64) -> Vec<u8> {
    [[0xff; 4].as_slice(), &length.to_be_bytes()].concat()
}

/// An answer as a client would give it, but for the MAC.
fn forged(seed: &mut Seed) -> Vec<u8> {
    let (prefix, mac) = seed.pick(&[
        ("", 16),
        ("", 20),
        ("", 32),
        ("{md5}", 16),
        ("{sha256}", 32),
        ("{sha384}", 48),
        ("{sha3_256}", 32),
        ("{sha3_384}", 48),
        ("{sha512}", 64),
    ]);
    frame(&[prefix.as_bytes(), &seed.bytes(mac)].concat())
}

fn senseless(seed: &mut Seed) -> Vec<u8> {
    let length = 1 << seed.below(63);
    let junk = seed.below(300);
    match seed.below(7) {
        0 => extended(length),
        1 => [0xff, 0xff, 0xff, 0xfe].to_vec(),
        2 => [0x7f, 0xff, 0xff, 0xff].to_vec(),
        3 => frame(&[b'#'; 257]),
        4 => b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        5 => [frame(b"half")[..6].to_vec(), vec![]].concat(),
        _ => seed.bytes(junk),
    }
}

impl Attack {
    pub(crate) fn of_a_stranger(seed: &mut Seed) -> Self {
        let wait = seed.within(SOON);
        let welcome = frame(b"#WELCOME#");
        Self(match seed.below(9) {
            0 => [(FOR_EVER, Act::Close)].into(),
            1 => [(wait, seed.pick(&[Act::Close, Act::Reset]))].into(),
            2 => {
                let dripped = [forged(seed), senseless(seed)].concat();
                let slowly = |byte| (Duration::from_millis(500), Act::Say(vec![byte]));
                dripped.into_iter().map(slowly).collect()
            }
            3 => (0..=seed.below(4)).map(|_| (wait, Act::Say(senseless(seed)))).collect(),
            4 => [(wait, Act::Echo), (SOON, Act::Echo), (SOON, Act::Say(welcome))].into(),
            5 => [(wait, Act::Replay), (SOON, Act::Close)].into(),
            6 => {
                let challenge = frame(&[b"#CHALLENGE#{sha256}", &seed.bytes(40)[..]].concat());
                let at_once = [forged(seed), challenge, welcome].concat();
                [(wait, Act::Say(at_once)), (FOR_EVER, Act::Close)].into()
            }
            7 => [(wait, Act::Say(welcome)), (SOON, Act::Say(forged(seed)))].into(),
            _ => [(wait, Act::Say(forged(seed))), (SOON, Act::Reset)].into(),
        })
    }

    /// What a peer may do that has the key, and was let in.
    pub(crate) fn of_an_insider(seed: &mut Seed) -> Self {
        let wait = seed.within(SOON);
        let then = seed.pick(&[Act::Close, Act::Reset]);
        Self(match seed.below(4) {
            0 => [(FOR_EVER, then)].into(),
            1 => [(wait, Act::Say(frame(&seed.bytes(99)))), (wait, Act::Reset)].into(),
            2 => [(wait, Act::Echo), (wait, Act::Echo), (wait, then)].into(),
            _ => [(wait, Act::Say(senseless(seed))), (wait, then)].into(),
        })
    }

    /// How long until it does something.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.0.front().map(|(wait, _)| *wait)
    }

    /// Does the next thing. False when it has let go of the link.
    pub(crate) fn go_on(&mut self, end: &End, tape: &[u8]) -> bool {
        let Some((_, act)) = self.0.pop_front() else { return true };
        let said = match act {
            Act::Say(bytes) => bytes,
            Act::Echo => {
                let mut heard = vec![0; 4096];
                let n = end.read(ReadBuf::Slice(&mut heard)).ok().flatten().unwrap_or(0);
                heard.truncate(n);
                heard
            }
            Act::Replay => tape.to_vec(),
            Act::Close => return false,
            Act::Reset => {
                end.reset();
                return false;
            }
        };
        // What does not go out at once is not said: it has no manners.
        said.is_empty() || end.write(&[&said]).is_ok()
    }
}
