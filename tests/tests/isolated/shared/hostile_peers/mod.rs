//! A process of its own, because it measures descriptors and memory and limits its address space:
//! hostile peers against each adapter, what the adapter reports, and what the peer sees.
//!
//! Every row is played over TCP and over Unix sockets, and the observed table is compared line by
//! line with `conformance/hostile-peers.txt`. `MPCONN_BLESS=1` rewrites that file.
//!
//! For every row the test also asserts that the peer's socket is closed while its error is still
//! held, that an honest peer is accepted afterwards, that no descriptor is left open, and that
//! memory does not follow the length that a header claims.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

mod attack;
mod client;
mod connection;
mod hostile;
mod listener;

use std::{env, fs};

use super::adapter::{self, AuthKey};
use mpconn_tests::net::Net;
use mpconn_tests::process::{self, alone};

use attack::Row;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/hostile-peers.txt");

const ABOUT: &str = "\
# What hostile peers send, what mpconn reports, and what the peer sees. The test
# `hostile_peers` in the test binary `isolated` plays every row over both adapters and compares;
# MPCONN_BLESS=1 rewrites this file. Challenges and MACs are shown by their form and length, those
# of a client with its mark. After every row the listener accepts an honest peer, no descriptor is
# left open, and memory has grown by less than 1 MiB. A connection that can no longer receive still
# sends: the 10 bytes at the end.
#
";

/// Room for buffers, stacks and the allocator's slack, and not for 2 GiB.
const ADDRESS_SPACE: u64 = 1 << 30;

#[test]
fn the_table_of_expectations() {
    alone(|| {
        // What the adapter takes once, for all its listeners, a runtime perhaps, is nobody's leak.
        drop(attack::keyed_listener().bind_fresh().unwrap());
        process::limit_address_space(ADDRESS_SPACE).unwrap();
        let mut lines =
            vec![["attacked", "threat", "over", "we report", "the peer saw"].map(str::to_owned)];
        for row in listener::rows().iter().chain(&client::rows()).chain(&connection::rows()) {
            play(row, &mut lines);
        }
        let table = ABOUT.to_owned() + &align(&lines);
        if env::var_os("MPCONN_BLESS").is_some() {
            return fs::write(TABLE, table).unwrap();
        }
        let expected = fs::read_to_string(TABLE).unwrap();
        // Without the padding: one long line would make all others differ.
        let cells =
            |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        for (observed, expected) in table.lines().zip(expected.lines()) {
            assert_eq!(cells(observed), cells(expected), "not what the table says");
        }
        assert_eq!(table.lines().count(), expected.lines().count(), "rows were added or taken out");
    });
}

/// One line if both kinds of sockets agree, else one for each.
fn play(row: &Row, lines: &mut Vec<[String; 5]>) {
    let mut outcomes = row.nets().iter().map(|&net| (format!("{net:?}"), row.play(net)));
    let (mut over, first) = outcomes.next().unwrap();
    let mut more = Vec::new();
    for (net, outcome) in outcomes {
        if outcome == first {
            over = format!("{over}, {net}");
        } else {
            more.push((net, outcome));
        }
    }
    for (over, [report, saw]) in [(over, first)].into_iter().chain(more) {
        lines.push([row.attacked.to_owned(), row.threat.to_owned(), over, report, saw]);
    }
}

fn align(lines: &[[String; 5]]) -> String {
    let mut text = String::new();
    let widths: [usize; 5] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].len()).max().unwrap());
    for line in lines {
        let cells: Vec<_> = (0..5).map(|n| format!("{:1$}", line[n], widths[n])).collect();
        text += cells.join(" | ").trim_end();
        text += "\n";
    }
    text
}

/// Where the rows are played, unless a row says otherwise.
const NETS: &[Net] = &[Net::Tcp, Net::Unix];

fn empty_key() -> AuthKey {
    AuthKey::new("")
}
