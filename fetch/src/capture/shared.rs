//! Meta files that containers have in common: each is copied from one container, and the others get it from the store.
//!
//! What two containers have in common is not read off a name, nor off the hash in it: that is FNV-1a over fields without
//! separators, made to tell builds apart and not to withstand anybody. Each container's own `sha256sum` says what its
//! file is, and it gets those bytes or none. A container that lies can so only harm itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use covfmt::mode::CounterMode;

use super::bounds::LISTING_BYTES;
use super::{Captured, Held, Job};
use crate::error::{Failure, Kind};
use crate::names::{ContainerName, CoverageName};
use crate::script::directory;
use crate::store::{Digest, Stored};

/// How long a container waits for what others are sending, before it sends its own. A slow one must not cost the others
/// their time.
const WAIT: Duration = Duration::from_secs(20);

/// Meta files of one container that are looked for elsewhere; a program has one, and each build of it another.
const MOST: usize = 100;

/// The meta files that have come in this run, by name and SHA-256.
#[derive(Debug, Default)]
pub struct SharedMetas {
    slots: Mutex<BTreeMap<(CoverageName, Digest), Arc<Slot>>>,
}

/// A meta file once it has come; locked while a container is sending it.
type Slot = tokio::sync::Mutex<Option<Delivered>>;

/// A meta file in the store.
#[derive(Debug, Clone)]
struct Delivered {
    by: ContainerName,
    /// Under whose name it is stored.
    place: ContainerName,
    stored: Stored,
    mode: Option<CounterMode>,
}

impl SharedMetas {
    fn slot(&self, name: &CoverageName, digest: &Digest) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((name.clone(), digest.clone())).or_default())
    }
}

impl Job<'_> {
    /// Gets meta files that the container has kept back: from the store if another container has sent the same bytes,
    /// else from this one, for the others too.
    pub(super) async fn share(
        &self,
        kept: BTreeMap<CoverageName, Digest>,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        let Some(shared) = &self.collector.shared else {
            let message = "the container's shell kept files back that it was asked for";
            return if kept.is_empty() { Ok(()) } else { Err(Failure::new(Kind::Rejected, message)) };
        };
        for (index, (name, digest)) in kept.into_iter().enumerate() {
            if captured.files.get(&name).is_some_and(|held| held.stored.sha256 == digest.as_str()) {
                continue;
            }
            if index >= MOST {
                self.deliver(&name, &digest, captured).await?;
                continue;
            }
            let slot = shared.slot(&name, &digest);
            let wait = WAIT.min(self.patience.timeout / 4);
            let Ok(mut turn) = self.patience.wait(tokio::time::timeout(wait, slot.lock())).await? else {
                self.deliver(&name, &digest, captured).await?;
                continue;
            };
            // Those who wait get their turn if this container fails.
            if turn.is_none() {
                *turn = Some(self.deliver(&name, &digest, captured).await?);
                continue;
            }
            let delivered = turn.clone();
            drop(turn);
            if let Some(delivered) = delivered {
                self.take_over(&name, delivered, captured).await?;
            }
        }
        Ok(())
    }

    /// Copies a meta file from this container and compares it with what was said of it.
    async fn deliver(
        &self,
        name: &CoverageName,
        digest: &Digest,
        captured: &mut Captured,
    ) -> Result<Delivered, Failure> {
        self.copy([name], captured).await?;
        match captured.files.get(name) {
            Some(held) if held.stored.sha256 == digest.as_str() => {
                let (by, place) = (self.name.clone(), self.place.clone());
                Ok(Delivered { by, place, stored: held.stored.clone(), mode: held.mode })
            }
            _ => {
                let message = format!("{name} is not the file that the container's sha256sum has read");
                Err(Failure::passing(Kind::InvalidFile, message))
            }
        }
    }

    /// Gives this container the file that another one has sent.
    async fn take_over(
        &self,
        name: &CoverageName,
        delivered: Delivered,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        let Delivered { by, place, stored, mode } = delivered;
        tracing::debug!(container = %self.name, %name, from = %by, "taken from another container");
        let (store, from, to, file) = (self.collector.store.clone(), place, self.place.clone(), name.clone());
        let task = tokio::task::spawn_blocking(move || store.share(&from, &to, &file, &stored));
        let stored = task
            .await
            .map_err(|error| Failure::new(Kind::Internal, format!("storing failed: {error}")))??;
        captured.hold(name.clone(), Held { stored, mode, from: Some(by) });
        Ok(())
    }

    /// What the container's `sha256sum` says of meta files; nothing if it has none.
    pub(super) async fn digests(
        &self,
        names: &[&CoverageName],
    ) -> Result<BTreeMap<CoverageName, Digest>, Failure> {
        let source = directory(self.source);
        let mut command = vec!["sha256sum".to_owned()];
        command.extend(names.iter().map(|name| format!("{source}/{name}")));
        let (listing, end) = self.run(&command, LISTING_BYTES).await?;
        // Whatever is wrong with the files shows when they are copied.
        if end.failure("sha256sum").is_some() {
            return Ok(BTreeMap::new());
        }
        let text = String::from_utf8_lossy(&listing);
        let lines = text.lines().filter_map(|line| {
            let (digest, path) = line.split_once(' ')?;
            let base = path.rsplit('/').next()?;
            let name = CoverageName::parse(base.as_bytes())?;
            names.contains(&&name).then_some((name, Digest::parse(digest)?))
        });
        Ok(lines.collect())
    }
}
