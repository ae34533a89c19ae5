//! Hostile peers against either adapter: what we report, and what they get to see.
//!
//! Every row is played, over TCP and over Unix sockets, and written down as it went; the whole must
//! be what `tests/abuse.txt` says, line by line. `MPCONN_BLESS=1` writes that file anew.
//!
//! Beside what is in the table, every row asserts that the peer's socket is closed while its error
//! is kept, that an honest peer gets in afterwards, that no descriptor is left open, and that
//! memory does not follow what a header claims.
//!
//! One test and no more: descriptors and memory are the process's.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

mod attack;
mod client;
mod connection;
mod hostile;
mod listener;

use std::{env, fs};

use crate::adapter::AuthKey;
use mpconn_tests::net::Net;
use mpconn_tests::process;

use attack::Row;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/abuse.txt");

const ABOUT: &str = "\
# What hostile peers meet. Made by tests/tests/abuse, which plays every row and compares;
# MPCONN_BLESS=1 writes it anew. Challenges and MACs are shown by their form and length, those of a
# client with its mark. After every row a listener lets an honest peer in, no descriptor is left
# open, and memory has grown by less than 1 MiB. A connection that cannot receive any more still
# sends: the 10 bytes at the end.
#
";

/// Room for buffers, stacks and the allocator's slack, and not for 2 GiB.
const ADDRESS_SPACE: u64 = 1 << 30;

#[test]
fn the_table_of_expectations() {
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
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    for (observed, expected) in table.lines().zip(expected.lines()) {
        assert_eq!(cells(observed), cells(expected), "not what the table says");
    }
    assert_eq!(table.lines().count(), expected.lines().count(), "rows were added or taken out");
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
