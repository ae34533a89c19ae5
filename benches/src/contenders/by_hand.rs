//! Raw with the handshake by hand: mutual, `{sha256}`, and no more than that needs.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::raw::Raw;
use crate::link::{Contender, KEY, Link, Result, Setup, StreamListener};

pub struct ByHand;

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const DIGEST: &[u8] = b"{sha256}";

impl Contender for ByHand {
    type Listener = StreamListener;
    type Link = <Raw as Contender>::Link;

    async fn listen(setup: &Setup, address: &str) -> Result<(StreamListener, String)> {
        <Raw>::listen(setup, address).await
    }

    async fn accept(setup: &Setup, listener: &mut StreamListener) -> Result<Self::Link> {
        let mut link = <Raw>::accept(setup, listener).await?;
        deliver(&mut link).await?;
        answer(&mut link).await?;
        Ok(link)
    }

    async fn connect(setup: &Setup, address: &str) -> Result<Self::Link> {
        let mut link = <Raw>::connect(setup, address).await?;
        answer(&mut link).await?;
        deliver(&mut link).await?;
        Ok(link)
    }
}

async fn deliver(link: &mut impl Link) -> Result<()> {
    let mut random = [0; 40];
    getrandom::fill(&mut random)?;
    let challenge = [CHALLENGE, DIGEST, &random].concat();
    link.send(&Bytes::from(challenge.clone())).await?;
    let response = link.receive().await?.strip_prefix(DIGEST).ok_or("no {sha256}")?;
    mac(&challenge[CHALLENGE.len()..])?.verify_slice(response)?;
    link.send(&Bytes::from_static(WELCOME)).await
}

async fn answer(link: &mut impl Link) -> Result<()> {
    let challenge = link.receive().await?.strip_prefix(CHALLENGE).ok_or("no challenge")?;
    let response = mac(challenge)?.finalize().into_bytes();
    link.send(&Bytes::from([DIGEST, &response[..]].concat())).await?;
    match link.receive().await? {
        WELCOME => Ok(()),
        _ => Err("rejected".into()),
    }
}

fn mac(message: &[u8]) -> Result<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY)?;
    mac.update(message);
    Ok(mac)
}
