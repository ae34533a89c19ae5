//! x

/// X.
#[derive(Debug)]
pub struct Server;
/// X.
#[derive(Debug)]
pub struct Stopper;
