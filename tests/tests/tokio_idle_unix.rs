//! `idle/mod.rs` over Unix sockets.

use mpconn_tokio::Family;

mod idle;

#[test]
fn ten_thousand_connections_are_served_and_small_while_idle() {
    idle::ten_thousand_connections_are_served_and_small_while_idle(Family::Unix);
}
