//! Bytes -> proof that they are the coverage file that their name says. No input panics.

use covfmt::error::ReadError;
use covfmt::ids::MetaHash;
use covfmt::integrity::{Integrity, check_integrity};
use covfmt::mode::CounterMode;
use covfmt::read::{CounterFile, MetaFile};

use crate::error::{Failure, Kind};
use crate::names::CoverageName;

/// Decodes a whole file and compares the hash in its header with the one in its name; of a meta file also all hashes with
/// what they are over.
///
/// Gives the counter mode of a meta file; counter files do not hold theirs.
pub fn validate(name: &CoverageName, bytes: &[u8]) -> Result<Option<CounterMode>, Failure> {
    let (hash, mode) = read(name, bytes).map_err(|error| {
        Failure::passing(Kind::InvalidFile, format!("{name} is not a whole coverage file: {error}"))
    })?;
    if hash != name.hash() {
        let message = format!("{name} has the hash {hash} in its header, another one than in its name");
        return Err(Failure::passing(Kind::InvalidFile, message));
    }
    Ok(mode)
}

fn read(name: &CoverageName, bytes: &[u8]) -> Result<(MetaHash, Option<CounterMode>), ReadError> {
    if name.is_meta() {
        let file = MetaFile::parse(bytes)?;
        // Structure and hashes in one go; a hash by a rule that is not known here is no proof of anything.
        let (Integrity::Sound | Integrity::Unknown) = check_integrity(&file)?;
        return Ok((file.header().hash, Some(file.header().mode)));
    }
    let file = CounterFile::parse(bytes)?;
    file.check()?;
    Ok((file.header().meta_hash, None))
}
