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
        Failure::passing(Kind::InvalidFile, format!(
            "{name} is not a whole coverage file: {error}; if it stays so (a full disk, a program that was killed), remove it there"
        ))
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A recorded file, by the start of its name.
    fn recorded(prefix: &str) -> (CoverageName, Vec<u8>) {
        let data = "../testdata/recorded/1.27.3/server-atomic/data/pod-0";
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(data);
        let mut names = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name());
        let name = names.find(|name| name.to_str().unwrap().starts_with(prefix)).unwrap();
        let bytes = std::fs::read(directory.join(&name)).unwrap();
        (CoverageName::parse(name.as_encoded_bytes()).unwrap(), bytes)
    }

    #[test]
    fn a_flipped_bit_of_a_meta_file_is_an_error_wherever_it_is() {
        let (name, mut bytes) = recorded("covmeta.");
        assert_eq!(validate(&name, &bytes).unwrap(), Some(CounterMode::Atomic));
        for bit in (0..bytes.len() * 8).step_by(37) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(validate(&name, &bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_counter_file_is_read_to_its_end() {
        let (name, bytes) = recorded("covcounters.");
        assert_eq!(validate(&name, &bytes).unwrap(), None);
        for end in 0..bytes.len() {
            assert!(validate(&name, bytes.get(..end).unwrap()).is_err(), "{end} bytes");
        }
        // The last of its functions has one counter more than there are bytes.
        let file = CounterFile::parse(&bytes).unwrap();
        let mut functions = file.segments()[0].functions();
        let mut last = None;
        while let Some(head) = functions.read_next().unwrap() {
            last = Some(usize::try_from(head.offset).unwrap());
        }
        let mut longer = bytes.clone();
        longer[last.unwrap()] += 1;
        assert!(validate(&name, &longer).is_err());
    }
}
