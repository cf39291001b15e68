//! A container with neither a shell nor tar: two execs for a batch of files, one for their sizes and one for their bytes.

use std::sync::Arc;

use tokio::io::BufReader;

use super::bounds::LISTING_BYTES;
use super::verdict::judge_stream;
use super::{Captured, Job};
use crate::error::{Failure, Kind};
use crate::guard::Guarded;
use crate::names::CoverageName;
use crate::script::{directory, no_tar};
use crate::unpack::{Form, parse_size};

impl Job<'_> {
    /// Copies a batch of files by `wc` and `cat`.
    pub(super) async fn cat(&self, batch: &[&CoverageName], captured: &mut Captured) -> Result<(), Failure> {
        let source = directory(self.source);
        let command = |program: &[&str]| -> Vec<String> {
            let words = program.iter().map(|word| (*word).to_owned());
            words.chain(batch.iter().map(|name| format!("{source}/{name}"))).collect()
        };
        let sizes = self.sizes(&command(&["wc", "-c"])).await?;
        // Another list than the one asked for cannot be told from bytes of other files.
        if !sizes.iter().map(|(name, _)| name).eq(batch.iter().copied()) {
            let message = "wc does not list the files that it was asked for";
            return Err(Failure::passing(Kind::Rejected, message));
        }
        let execution = self.exec(&command(&["cat"])).await?;
        let stream = Guarded::new(execution.stdout, &self.patience, Arc::clone(&self.collector.bytes));
        let stream = BufReader::with_capacity(256 << 10, stream);
        let (came, unpacked) =
            self.receive(stream, (Form::Sized(sizes), false), self.left(captured), captured).await;
        if let Err(failure) = &unpacked
            && !matches!(failure.kind, Kind::Truncated | Kind::InvalidFile | Kind::Conflict)
        {
            return Err(failure.clone());
        }
        let end = self.patience.wait(execution.end).await?;
        if end.lacks("cat") {
            return Err(no_tar());
        }
        let announced = batch.iter().map(|name| (*name).clone()).collect();
        judge_stream(unpacked, &end, "cat", &announced, &came)
    }

    /// Runs `wc -c` on files.
    async fn sizes(&self, command: &[String]) -> Result<Vec<(CoverageName, u64)>, Failure> {
        let (listing, end) = self.run(command, LISTING_BYTES).await?;
        if end.lacks("wc") {
            return Err(no_tar());
        }
        if let Some(failure) = end.failure("wc") {
            return Err(failure);
        }
        let lines = listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut sizes = Vec::new();
        for line in lines {
            sizes.extend(parse_size(line)?);
        }
        Ok(sizes)
    }
}
