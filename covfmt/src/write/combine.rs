//! One package made of the functions that several programs have of it. `cmd/covdata/metamerge.go`, `visitFunc` with
//! `-pcombine`; `internal/coverage/encodemeta/encode.go`, `HashFuncDesc`.

use std::collections::HashMap;

use super::error::WriteError;
use super::package::{PackageBuilder, hash_of_function};
use crate::ids::{FunctionIndex, MetaHash};
use crate::unit::Unit;

/// A package under construction that has each function once, whichever programs it came from.
#[derive(Debug, Clone)]
pub struct CombinedPackage {
    builder: PackageBuilder,
    known: HashMap<MetaHash, FunctionIndex>,
}

impl CombinedPackage {
    /// A package without functions. The path must not be empty; name and module may be.
    pub fn new(path: &[u8], name: &[u8], module: &[u8]) -> Result<Self, WriteError> {
        Ok(Self { builder: PackageBuilder::new(path, name, module)?, known: HashMap::new() })
    }

    /// The index of a function, which is added behind the others if it is new.
    ///
    /// Functions are the same if their hashes are: those of name, file, units and literal flag, one behind the other.
    pub fn function(
        &mut self,
        name: &[u8],
        file: &[u8],
        literal: bool,
        units: &[Unit],
    ) -> Result<FunctionIndex, WriteError> {
        let hash = hash_of_function(name, file, literal, units);
        if let Some(index) = self.known.get(&hash) {
            return Ok(*index);
        }
        let index = self.builder.add_function(name, file, literal, units)?;
        self.known.insert(hash, index);
        Ok(index)
    }

    /// The package's blob.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        self.builder.encode()
    }
}
