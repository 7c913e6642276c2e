//! Stretches of time, and moments that may never have come.

/// A half-open stretch of time, in microseconds on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment that belongs to it.
    pub from_us: u64,
    /// The first moment after it.
    pub to_us: u64,
}

impl Span {
    /// From one moment until another; empty when the second is not later.
    pub fn new(from_us: u64, to_us: u64) -> Self {
        Span { from_us, to_us: to_us.max(from_us) }
    }

    /// How long it is, in microseconds.
    pub fn length_us(self) -> u64 {
        self.to_us - self.from_us
    }

    /// Whether no moment belongs to it.
    pub fn is_empty(self) -> bool {
        self.length_us() == 0
    }

    /// Whether a moment belongs to it.
    pub fn contains(self, at_us: u64) -> bool {
        self.from_us <= at_us && at_us < self.to_us
    }

    /// What it shares with another.
    pub fn meet(self, other: Span) -> Span {
        Span::new(self.from_us.max(other.from_us), self.to_us.min(other.to_us))
    }
}

/// A moment that was waited for, in microseconds on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// It came at `us`; what recorded it may have been this much late.
    At { us: u64, within_us: u64 },
    /// It had not come by `us`, and nothing later was watched.
    NotBefore { us: u64 },
}

impl Observed {
    /// A moment that is known as exactly as the probes tell it.
    pub fn at(us: u64) -> Self {
        Observed::At { us, within_us: 0 }
    }

    /// When it came, if it did.
    pub fn us(self) -> Option<u64> {
        match self {
            Observed::At { us, .. } => Some(us),
            Observed::NotBefore { .. } => None,
        }
    }

    /// When it came, or until when it had not.
    pub fn known_us(self) -> u64 {
        match self {
            Observed::At { us, .. } | Observed::NotBefore { us } => us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_its_begin_but_not_its_end() {
        let span = Span::new(10, 20);
        assert!(span.contains(10) && span.contains(19));
        assert!(!span.contains(20) && !span.contains(9));
        assert_eq!(span.length_us(), 10);
        assert!(!span.is_empty());
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_empty() {
        assert!(Span::new(20, 10).is_empty());
        assert_eq!(Span::new(20, 10).to_us, 20);
    }

    #[test]
    fn what_two_spans_share_is_in_both() {
        assert_eq!(Span::new(0, 10).meet(Span::new(5, 20)), Span::new(5, 10));
        assert!(Span::new(0, 10).meet(Span::new(10, 20)).is_empty());
    }

    #[test]
    fn what_never_came_has_no_time_but_a_lower_bound() {
        assert_eq!(Observed::NotBefore { us: 7 }.us(), None);
        assert_eq!(Observed::NotBefore { us: 7 }.known_us(), 7);
        assert_eq!(Observed::at(7).us(), Some(7));
        assert_eq!(Observed::at(8).known_us(), 8);
    }
}
