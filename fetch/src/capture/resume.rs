//! Files that the store has from an earlier run: the container's own `sha256sum` says that they are the same, and they stay
//! where they are.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{LARGE_META, NAMES_PER_EXEC};
use super::{Captured, Held, Job};
use crate::error::{Failure, Kind};
use crate::names::CoverageName;
use crate::script::Announcement;
use crate::store::Digest;
use crate::validate::validate;

/// Bytes that an archive spends on a small file.
const PER_FILE: u64 = 1024;

/// What becomes of files that the container has kept back.
pub(super) enum Kept {
    /// All are here, or were fetched by name.
    Settled,
    /// Too many are not: everything is to be sent.
    TooMany,
}

impl Job<'_> {
    /// The time up to which the container may keep files back, nanoseconds since 1970.
    pub(super) async fn mark(&self, captured: &Captured) -> Option<u64> {
        if !self.collector.resume || captured.all_again {
            return None;
        }
        let (store, name) = (self.collector.store.clone(), self.place.clone());
        tokio::task::spawn_blocking(move || store.newest(&name)).await.ok().flatten()
    }

    /// Takes from the store what the container has kept back, and gets the rest.
    pub(super) async fn settle(
        &self,
        said: Announcement,
        marked: bool,
        captured: &mut Captured,
    ) -> Result<Kept, Failure> {
        // What is kept back without a word about its number may be less than there is.
        let counted =
            if marked { said.old.unwrap_or(0) == said.kept.len() as u64 } else { said.old.is_none() };
        if !counted {
            captured.all_again = true;
            let message = "the container's sha256sum has not read all files";
            return Err(Failure::passing(Kind::Truncated, message));
        }
        let other = if marked { self.take_held(said.kept, captured).await? } else { said.kept };
        let (metas, counters): (BTreeMap<_, _>, BTreeMap<_, _>) =
            other.into_iter().partition(|(name, _)| name.is_meta());
        if !marked && !counters.is_empty() {
            let message = "the container's shell kept files back that it was asked for";
            return Err(Failure::new(Kind::Rejected, message));
        }
        if counters.len() > NAMES_PER_EXEC {
            captured.all_again = true;
            return Ok(Kept::TooMany);
        }
        if self.collector.shared.is_some() || !marked {
            self.share(metas, captured).await?;
        } else {
            self.copy(metas.keys(), captured).await?;
        }
        self.copy(counters.keys(), captured).await?;
        Ok(Kept::Settled)
    }

    /// As [`Self::settle`] for a container without a shell, where that saves more than its exec costs.
    pub(super) async fn resume_directly(
        &self,
        names: &BTreeSet<CoverageName>,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        if !self.collector.resume || captured.all_again {
            return Ok(());
        }
        let (store, container) = (self.collector.store.clone(), self.place.clone());
        let unheld: Vec<CoverageName> =
            names.iter().filter(|name| !captured.files.contains_key(name)).cloned().collect();
        let sizes = tokio::task::spawn_blocking(move || {
            let known = |name: CoverageName| store.size(&container, &name).map(|size| (name, size));
            unheld.into_iter().filter_map(known).collect::<Vec<_>>()
        });
        let known = sizes.await.map_err(|error| internal(&error))?;
        if known.iter().map(|(_, size)| size + PER_FILE).sum::<u64>() < LARGE_META {
            return Ok(());
        }
        for batch in known.chunks(NAMES_PER_EXEC) {
            let names: Vec<&CoverageName> = batch.iter().map(|(name, _)| name).collect();
            let digests = self.digests(&names).await?;
            if digests.is_empty() {
                // It has no sha256sum.
                captured.all_again = true;
                break;
            }
            self.take_held(digests, captured).await?;
        }
        Ok(())
    }

    /// Takes what the store has with these digests, and gives the rest back.
    async fn take_held(
        &self,
        kept: BTreeMap<CoverageName, Digest>,
        captured: &mut Captured,
    ) -> Result<BTreeMap<CoverageName, Digest>, Failure> {
        let (store, container) = (self.collector.store.clone(), self.place.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut other = BTreeMap::new();
            let mut found = Vec::new();
            for (name, digest) in kept {
                // What does not parse, though it is the same, is fetched, so that it is told as it always is.
                let held = store.held(&container, &name, &digest);
                match held.and_then(|(stored, bytes)| Some((stored, validate(&name, &bytes).ok()?))) {
                    Some((stored, mode)) => found.push((name, Held { stored, mode, from: None })),
                    None => {
                        other.insert(name, digest);
                    }
                }
            }
            (found, other)
        });
        let (found, other) = task.await.map_err(|error| internal(&error))?;
        for (name, held) in found {
            if !captured.files.contains_key(&name) {
                captured.unsent.0 += 1;
                captured.unsent.1 += held.stored.size;
            }
            captured.hold(name, held);
        }
        Ok(other)
    }
}

fn internal(error: &tokio::task::JoinError) -> Failure {
    Failure::new(Kind::Internal, format!("reading the store failed: {error}"))
}
