//! The blocking half: a stream of files is unpacked, each file checked and stored as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};
use std::sync::Arc;

use covfmt::mode::CounterMode;
use tokio::io::AsyncRead;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::{Captured, Held, Job};
use crate::allowance::{Allowance, Room};
use crate::error::{Failure, Kind};
use crate::names::{ContainerName, CoverageName};
use crate::store::{Batch, Store};
use crate::unpack::{Form, Limits, Unzipped};
use crate::validate::validate;

/// Bytes read at once of what gzip sent.
const BUFFER_BYTES: usize = 64 << 10;

/// What came out of a stream, and how it ended.
struct Received {
    files: BTreeMap<CoverageName, Held>,
    result: Result<(), Failure>,
}

impl Job<'_> {
    /// Unpacks a stream to its end; the form says how files travel in it, and whether through gzip. Whole files are stored
    /// and held even if the rest fails, but nothing of what gzip's own sums call damaged.
    ///
    /// Gives the names that came in this stream.
    pub(super) async fn receive(
        &self,
        stream: impl AsyncRead + Send + Unpin + 'static,
        (form, gzip): (Form, bool),
        limits: Limits,
        captured: &mut Captured,
    ) -> (BTreeSet<CoverageName>, Result<(), Failure>) {
        let receiver = Receiver {
            place: self.place.clone(),
            store: self.collector.store.clone(),
            limits,
            allowance: Arc::clone(&self.collector.allowance),
            by: self.name.clone(),
            memory: Arc::clone(&self.collector.memory),
            cancel: self.collector.cancel.clone(),
            runtime: Handle::current(),
        };
        let task = tokio::task::spawn_blocking(move || receiver.run(SyncIoBridge::new(stream), &form, gzip));
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
    /// Under whose name the files are stored.
    place: ContainerName,
    store: Store,
    limits: Limits,
    allowance: Arc<Allowance>,
    /// Who sends.
    by: ContainerName,
    memory: Arc<Semaphore>,
    cancel: CancellationToken,
    runtime: Handle,
}

impl Receiver {
    fn run(&self, stream: impl Read, form: &Form, gzip: bool) -> Received {
        if gzip {
            let stream = BufReader::with_capacity(BUFFER_BYTES, stream);
            return self.unpack(Unzipped::new(stream, &self.limits), form, true);
        }
        self.unpack(stream, form, false)
    }

    /// `summed` says that a sum over all of the stream is found to be right or wrong at its end.
    fn unpack(&self, stream: impl Read, form: &Form, summed: bool) -> Received {
        let mut files = BTreeMap::new();
        let mut bad: Vec<Failure> = Vec::new();
        let mut batch = self.store.batch(&self.place);
        let mut modes = BTreeMap::new();
        // Of the files on their way to their names.
        let mut rooms = Vec::new();
        let unpacked = form.unpack(stream, &self.limits, &mut |name, size, content| {
            // Held until the file is stored: memory is bounded over all containers of the run.
            let _permit = self.reserve(size)?;
            let room = self.allowance.take(&self.by, size)?;
            let mut bytes = Vec::new();
            if content.read_to_end(&mut bytes).is_err() || bytes.len() as u64 != size {
                // Who reads the stream knows why.
                return Ok(());
            }
            tracing::trace!(container = %self.place, %name, size, "came");
            match validate(name, &bytes).and_then(|mode| Ok((mode, batch.add(name, &bytes)?))) {
                Ok((mode, new)) => {
                    modes.extend(mode.map(|mode| (name.clone(), mode)));
                    rooms.extend(new.then_some(room));
                }
                // One bad file does not cost the others.
                Err(failure) if matches!(failure.kind, Kind::InvalidFile | Kind::Conflict) => {
                    bad.push(failure);
                }
                Err(failure) => return Err(failure),
            }
            drop(bytes);
            // What has a sum over all of it gets its names once that is known to be right.
            if batch.is_full() && !summed {
                settle(&mut batch, &modes, &mut files, &mut bad)?;
                rooms.drain(..).for_each(Room::keep);
            }
            Ok(())
        });
        // Of what is damaged the parts that look whole are not to be trusted.
        if summed && matches!(&unpacked, Err(failure) if failure.kind == Kind::Rejected) {
            return Received { files, result: unpacked };
        }
        // Otherwise whole files stay, however the stream ended.
        let unpacked = unpacked.and(settle(&mut batch, &modes, &mut files, &mut bad));
        rooms.into_iter().for_each(Room::keep);
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
