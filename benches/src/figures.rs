//! The samples of a run, and what can be asked of them.

use std::time::Duration;

use crate::plan::Cell;

/// One contender's part of a round.
#[derive(Debug, Clone)]
pub struct Sample {
    pub cell: Cell,
    pub contender: &'static str,
    pub round: usize,
    /// Messages, round trips or connections.
    pub count: usize,
    pub time: Duration,
    /// The most bytes of memory that the receiver had above those of its first moment.
    pub peak: u64,
}

impl Sample {
    fn per_second(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }
}

/// A median, and what is around it.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self { median, least, most })
    }
}

/// A server with many connections, in one round.
#[derive(Debug, Clone, Copy)]
pub struct CrowdSample {
    pub server: &'static str,
    pub connections: usize,
    pub round: usize,
    /// Messages echoed a second, when every connection speaks.
    pub all: f64,
    /// The same, when one speaks and the others are silent.
    pub one: f64,
    /// Bytes of the server's memory for each connection, after all have spoken.
    pub memory: u64,
}

/// System calls of both ends together.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    pub cell: Cell,
    pub contender: &'static str,
    /// For each message or round trip.
    pub each: f64,
}

#[derive(Debug, Default)]
pub struct Figures {
    pub samples: Vec<Sample>,
    pub crowds: Vec<CrowdSample>,
    pub calls: Vec<Calls>,
}

impl Figures {
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.calls.is_empty() && self.crowds.is_empty()
    }

    fn of(&self, cell: Cell, contender: &str) -> impl Iterator<Item = &Sample> {
        let mine = move |sample: &&Sample| sample.cell == cell && sample.contender == contender;
        self.samples.iter().filter(mine)
    }

    /// Messages, round trips or connections a second.
    pub fn rate(&self, cell: Cell, contender: &str) -> Option<Spread> {
        Spread::of(self.of(cell, contender).map(Sample::per_second))
    }

    /// How many times as fast as `base`, paired by round.
    pub fn ratio(&self, cell: Cell, contender: &str, base: &str) -> Option<Spread> {
        Spread::of(self.of(cell, contender).filter_map(|sample| {
            let paired = self.of(cell, base).find(|other| other.round == sample.round)?;
            Some(sample.per_second() / paired.per_second())
        }))
    }

    /// One of the figures of a server with many connections.
    pub fn crowd(
        &self,
        server: &str,
        connections: usize,
        figure: fn(&CrowdSample) -> f64,
    ) -> Option<Spread> {
        let mine =
            |crowd: &&CrowdSample| crowd.server == server && crowd.connections == connections;
        Spread::of(self.crowds.iter().filter(mine).map(figure))
    }

    /// The bytes of memory that receiving took at most.
    pub fn peak(&self, cell: Cell, contender: &str) -> Option<Spread> {
        Spread::of(self.of(cell, contender).map(|sample| sample.peak as f64))
    }
}
