//! How many threads work: bounded, as each takes address space and a start, and more than there are processors help nobody.

use std::env;
use std::num::NonZero;
use std::thread::available_parallelism;

use rayon::ThreadPoolBuilder;

/// The most threads that work at once.
pub const MOST_THREADS: u16 = 256;

/// What rayon's builders take for the number of threads that was asked for, or that `RAYON_NUM_THREADS` says, or that there
/// are processors; 0 if they would find the same.
pub fn number_of_threads(asked: Option<usize>) -> usize {
    let variable = env::var("RAYON_NUM_THREADS").ok();
    bounded(asked, variable.as_deref(), || available_parallelism().map_or(1, NonZero::get))
}

/// Bounds the threads of rayon's global pool. What is within the bounds is left to rayon, which starts them when there is
/// work.
pub fn bound_global_pool() {
    let number = number_of_threads(None);
    if number != 0 {
        // Where it cannot be made, the first who needs it says so.
        drop(ThreadPoolBuilder::new().num_threads(number).build_global());
    }
}

fn bounded(asked: Option<usize>, variable: Option<&str>, processors: impl FnOnce() -> usize) -> usize {
    let most = usize::from(MOST_THREADS);
    if let Some(asked) = asked {
        return asked.min(most);
    }
    let named = variable.and_then(|text| text.parse().ok()).filter(|number| *number != 0_usize);
    if named.unwrap_or_else(processors) > most { most } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_the_most() {
        for (asked, variable, processors, expected) in [
            (Some(3), Some("5"), 7, 3),
            (Some(4000), None, 7, 256),
            (None, Some("256"), 300, 0),
            (None, Some("257"), 2, 256),
            (None, Some("100000"), 2, 256),
            (None, Some("0"), 2, 0),
            (None, Some("many"), 300, 256),
            (None, None, 2, 0),
        ] {
            assert_eq!(bounded(asked, variable, || processors), expected, "{asked:?} {variable:?}");
        }
    }
}
