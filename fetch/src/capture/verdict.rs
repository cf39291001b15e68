//! Whether what came through a stream is all that there is: the archive, the API server and the announcement must agree.

use std::collections::BTreeSet;

use crate::error::{Failure, Kind};
use crate::names::CoverageName;
use crate::remote::{End, Verdict};

/// Success is the archive's end, the API server's verdict and every announced file, all three.
pub(super) fn judge_stream(
    unpacked: Result<(), Failure>,
    end: &End,
    program: &str,
    announced: &BTreeSet<CoverageName>,
    came: &BTreeSet<CoverageName>,
) -> Result<(), Failure> {
    match (unpacked, end.failure(program)) {
        (Ok(()), None) => {}
        (Err(short), Some(failure)) if short.kind == Kind::Truncated => {
            return Err(match &end.verdict {
                Verdict::Missing(why) if why.is_empty() => {
                    Failure { message: format!("the stream was cut off: {short}"), ..short }
                }
                Verdict::Missing(why) => {
                    Failure { message: format!("the stream was cut off ({why}): {short}"), ..short }
                }
                // A program that was killed or failed explains a short archive better than the archive does.
                _ => failure,
            });
        }
        (Err(short), None) if short.kind == Kind::Truncated => {
            return Err(short.followed_by(", though the API server reported success"));
        }
        (Err(failure), _) | (Ok(()), Some(failure)) => return Err(failure),
    }
    let missing: Vec<&CoverageName> = announced.difference(came).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [first, others @ ..] => {
            let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
            Err(Failure::passing(Kind::Truncated, format!("{first}{more} did not come, though announced")))
        }
    }
}

/// What the guarded stream's error carries.
pub(super) fn stream_failure(error: &std::io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()) {
        Some(failure) => failure.clone(),
        None => Failure::passing(Kind::Truncated, format!("the stream broke: {error}")),
    }
}
