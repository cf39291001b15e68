//! The blocking half: a stream of files is unpacked, each file checked and stored as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use covfmt::mode::CounterMode;
use tokio::io::AsyncRead;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::{Captured, Held, Job};
use crate::error::{Failure, Kind};
use crate::names::{ContainerName, CoverageName};
use crate::store::{Batch, Store};
use crate::unpack::{Form, Limits};
use crate::validate::validate;

/// What came out of a stream, and how it ended.
struct Received {
    files: BTreeMap<CoverageName, Held>,
    result: Result<(), Failure>,
}

impl Job<'_> {
    /// Unpacks a stream to its end. Whole files are stored and held even if the rest fails.
    ///
    /// Gives the names that came in this stream.
    pub(super) async fn receive(
        &self,
        stream: impl AsyncRead + Send + Unpin + 'static,
        form: Form,
        limits: Limits,
        captured: &mut Captured,
    ) -> (BTreeSet<CoverageName>, Result<(), Failure>) {
        let receiver = Receiver {
            name: self.name.clone(),
            store: self.collector.store.clone(),
            limits,
            memory: Arc::clone(&self.collector.memory),
            cancel: self.collector.cancel.clone(),
            runtime: Handle::current(),
        };
        let task = tokio::task::spawn_blocking(move || receiver.run(SyncIoBridge::new(stream), &form));
        match task.await {
            Ok(Received { files, result }) => {
                let names = files.keys().cloned().collect();
                for (name, held) in files {
                    captured.hold(name, held);
                }
                (names, result)
            }
            Err(error) => {
                (BTreeSet::new(), Err(Failure::new(Kind::Internal, format!("unpacking failed: {error}"))))
            }
        }
    }
}

struct Receiver {
    name: ContainerName,
    store: Store,
    limits: Limits,
    memory: Arc<Semaphore>,
    cancel: CancellationToken,
    runtime: Handle,
}

impl Receiver {
    fn run(&self, stream: impl Read, form: &Form) -> Received {
        let mut files = BTreeMap::new();
        let mut bad: Vec<Failure> = Vec::new();
        let mut batch = self.store.batch(&self.name);
        let mut modes = BTreeMap::new();
        let unpacked = form.unpack(stream, &self.limits, &mut |name, size, content| {
            // Held until the file is stored: memory is bounded over all containers of the run.
            let _permit = self.reserve(size)?;
            let mut bytes = Vec::new();
            if content.read_to_end(&mut bytes).is_err() || bytes.len() as u64 != size {
                // Who reads the stream knows why.
                return Ok(());
            }
            tracing::trace!(container = %self.name, %name, size, "came");
            match validate(name, &bytes).and_then(|mode| batch.add(name, &bytes).map(|()| mode)) {
                Ok(mode) => modes.extend(mode.map(|mode| (name.clone(), mode))),
                // One bad file does not cost the others.
                Err(failure) if matches!(failure.kind, Kind::InvalidFile | Kind::Conflict) => {
                    bad.push(failure);
                }
                Err(failure) => return Err(failure),
            }
            drop(bytes);
            if batch.is_full() {
                settle(&mut batch, &modes, &mut files, &mut bad)?;
            }
            Ok(())
        });
        // Whole files stay, however the stream ended.
        let unpacked = unpacked.and(settle(&mut batch, &modes, &mut files, &mut bad));
        let others = bad.len().saturating_sub(1);
        let result = unpacked.and_then(|()| match bad.into_iter().next() {
            None => Ok(()),
            Some(failure) if others > 0 => {
                let message = format!("{failure} (and {others} more)");
                Err(Failure { message, ..failure })
            }
            Some(failure) => Err(failure),
        });
        Received { files, result }
    }

    /// Waits for room for a file of so many bytes.
    fn reserve(&self, size: u64) -> Result<OwnedSemaphorePermit, Failure> {
        let kib = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
        let acquire = Arc::clone(&self.memory).acquire_many_owned(kib);
        self.runtime.block_on(async {
            tokio::select! {
                () = self.cancel.cancelled() => Err(Failure::interrupted()),
                permit = acquire => permit.map_err(|_| Failure::interrupted()),
            }
        })
    }
}

/// Gives a batch's files their final names.
fn settle(
    batch: &mut Batch,
    modes: &BTreeMap<CoverageName, CounterMode>,
    files: &mut BTreeMap<CoverageName, Held>,
    bad: &mut Vec<Failure>,
) -> Result<(), Failure> {
    let mut worst = Ok(());
    for (name, result) in batch.commit() {
        match result {
            Ok(stored) => {
                let mode = modes.get(&name).copied();
                files.insert(name, Held { stored, mode, from: None });
            }
            Err(failure) if failure.kind == Kind::Conflict => bad.push(failure),
            Err(failure) => worst = worst.and(Err(failure)),
        }
    }
    worst
}
