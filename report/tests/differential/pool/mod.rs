//! The inputs that cases choose from: recorded data, and directories that are made from a seed.
//!
//! A pool is a directory that every run sees as `in`. Its families hold directories that belong together: runs of one
//! program, or of programs that share packages.

mod counters;
mod damage;
mod family;
mod odd;
mod program;
mod recorded;
mod traits;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use fastrand::Rng;

pub(crate) use traits::{Trait, Traits};

/// A directory that may be given to `-i`, whether it is there or not.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// As on the command line; `in/` is the pool.
    pub(crate) path: OsString,
    pub(crate) traits: Traits,
}

/// Directories that belong together.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) inputs: Vec<Input>,
    /// The import paths in them.
    pub(crate) packages: Vec<Vec<u8>>,
}

/// All inputs.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) recorded: Vec<Family>,
    pub(crate) made: Vec<Family>,
    pub(crate) odd: Vec<Input>,
}

/// Families that are made; a multiple of what makes them special.
const MADE: usize = 48;

impl Pool {
    /// Makes the pool in an empty directory.
    pub(crate) fn make(seed: u64, root: &Path) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x0070_006f_006f_006c);
        let recorded = recorded::families(root);
        let made = (0..MADE).map(|number| family::make(&mut rng, root, number)).collect();
        fs::create_dir(root.join("odd")).unwrap();
        let odd = odd::make(root);
        Self { recorded, made, odd }
    }
}
