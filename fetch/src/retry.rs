//! Whether and when to try again after a failure: growing pauses with jitter, and never sooner than the server asks.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::error::{Failure, Retry};

/// The first pause, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(10)];

/// The longest pause that a server is granted.
const LONGEST_ASKED: Duration = Duration::from_mins(5);

/// The pauses that are left for one task.
#[derive(Debug)]
pub struct Pauses(ExponentialBackoff);

impl Pauses {
    /// So many further attempts.
    pub fn new(retries: usize) -> Self {
        let [first, longest] = PAUSES;
        let builder = ExponentialBuilder::default()
            .with_min_delay(first)
            .with_max_delay(longest)
            .with_max_times(retries)
            .with_jitter();
        Self(builder.build())
    }

    /// The pause before the next attempt; `None` if there is to be none.
    pub fn next(&mut self, failure: &Failure) -> Option<Duration> {
        match failure.retry {
            Retry::No => None,
            Retry::Yes => self.0.next(),
            // Who is to wait for longer had better be told.
            Retry::After(least) if least > LONGEST_ASKED => None,
            Retry::After(least) => self.0.next().map(|pause| pause.max(least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let mut pauses = Pauses::new(2);
        assert_eq!(pauses.next(&Failure::new(Kind::Rejected, "x")), None);
        let passing = Failure::passing(Kind::Truncated, "x");
        assert!(pauses.next(&passing).is_some_and(|pause| pause >= PAUSES[0]));
        let asked = Failure { retry: Retry::After(Duration::from_secs(7)), ..passing.clone() };
        assert_eq!(pauses.next(&asked), Some(Duration::from_secs(7)));
        assert_eq!(pauses.next(&passing), None);
        let years = Failure { retry: Retry::After(Duration::from_secs(2_000_000_000)), ..passing };
        assert_eq!(Pauses::new(2).next(&years), None);
    }
}
