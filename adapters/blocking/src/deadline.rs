use std::time::{Duration, Instant};

/// When to give up waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits for as long as it takes.
    pub const NEVER: Self = Self(None);

    /// Does what can be done without waiting.
    #[must_use]
    pub fn now() -> Self {
        Self(Some(Instant::now()))
    }

    /// Gives up after `timeout`; `None` waits for as long as it takes.
    #[must_use]
    pub fn after(timeout: impl Into<Option<Duration>>) -> Self {
        Self(timeout.into().and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// The moment; `None` for never.
    #[cfg(windows)]
    pub(crate) fn at(&self) -> Option<Instant> {
        self.0
    }

    /// Whether it never comes.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.0.is_none()
    }

    /// The time that is left, zero when it has passed; `None` for ever.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}
