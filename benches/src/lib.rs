//! A seeded corpus: coverage files as a Go program would write them, the same bytes each time, of any size.

use bstr::BStr;
use covfmt::ids::{FunctionIndex, MetaHash, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::unit::Unit;
use covfmt::write::{CounterWriter, PackageBuilder, SegmentArgs, WriteError, encode_meta, hash_of_program};

/// How large a corpus is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Packages of the program.
    pub packages: u32,
    /// Functions in each package.
    pub functions: u32,
    /// Counter files: runs of the program.
    pub runs: u32,
}

/// A program's meta file, the counter files of its runs, and what must come out of them.
#[derive(Debug, Clone)]
pub struct Corpus {
    /// The build's hash.
    pub hash: MetaHash,
    /// The bytes of the meta file.
    pub meta: Vec<u8>,
    /// The bytes of the counter files.
    pub counters: Vec<Vec<u8>>,
    /// Sum of all counters of all files.
    pub total: u64,
    /// Number of units that ran in any file.
    pub units_hit: usize,
}

impl Corpus {
    /// Makes a corpus. Counter files are alike but not equal: a tenth of the functions differ from run to run,
    /// counters are mostly small with some large ones, as in real programs.
    pub fn generate(size: Size, mode: CounterMode, seed: u64) -> Result<Self, WriteError> {
        Self::generate_sharing(size, 0, mode, seed)
    }

    /// Makes a corpus whose first `shared` packages are those of every other corpus with as many functions, whatever its
    /// seed: services of one repository share packages.
    pub fn generate_sharing(
        size: Size,
        shared: u32,
        mode: CounterMode,
        seed: u64,
    ) -> Result<Self, WriteError> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut shapes = Vec::new();
        let (mut blobs, mut hashes) = (Vec::new(), Vec::new());
        for package in 0..size.packages {
            let module = format!("example.com/generated/m{}", package % 7);
            let (mut random, directory) = if package < shared {
                (fastrand::Rng::with_seed(package.into()), "shared".to_owned())
            } else {
                (random.fork(), format!("internal{seed}"))
            };
            let path = format!("{module}/{directory}/p{package:04}");
            let mut builder =
                PackageBuilder::new(path.as_bytes(), format!("p{package:04}").as_bytes(), module.as_bytes())?;
            let mut line = 10;
            for function in 0..size.functions {
                let file = format!("{path}/file{}.go", function % 5);
                let units = units(&mut random, &mut line);
                let name = format!("Function{function}");
                let index =
                    builder.add_function(name.as_bytes(), file.as_bytes(), function % 11 == 10, &units)?;
                shapes.push((PackageIndex(package), index, units.len()));
            }
            hashes.push(builder.hash());
            blobs.push(builder.encode()?);
        }
        let hash = hash_of_program(hashes, mode, Granularity::PerBlock);
        let meta = encode_meta(hash, mode, Granularity::PerBlock, &blobs)?;
        let mut corpus = Self { hash, meta, counters: Vec::new(), total: 0, units_hit: 0 };
        corpus.run(&shapes, size.runs, mode, &mut random)?;
        Ok(corpus)
    }

    fn run(
        &mut self,
        shapes: &[(PackageIndex, FunctionIndex, usize)],
        runs: u32,
        mode: CounterMode,
        random: &mut fastrand::Rng,
    ) -> Result<(), WriteError> {
        let mut hit: Vec<Vec<bool>> = shapes.iter().map(|(_, _, units)| vec![false; *units]).collect();
        let live: Vec<bool> = shapes.iter().map(|_| random.u8(..10) < 4).collect();
        for run in 0..runs {
            let mut entries: Vec<(PackageIndex, FunctionIndex, Vec<u32>)> = Vec::new();
            for ((shape, live), hit) in shapes.iter().zip(&live).zip(&mut hit) {
                if *live == (random.u8(..10) == 0) {
                    continue;
                }
                let values: Vec<u32> = (0..shape.2).map(|_| counter(mode, random)).collect();
                for (value, hit) in values.iter().zip(hit.iter_mut()) {
                    self.total += u64::from(*value);
                    *hit |= *value > 0;
                }
                entries.push((shape.0, shape.1, values));
            }
            let run = run.to_string();
            let args = [("GOARCH", "amd64"), ("GOOS", "linux"), ("argc", "1"), ("argv0", &run)];
            let args = args.map(|(key, value)| (BStr::new(key), BStr::new(value))).to_vec();
            let mut writer = CounterWriter::new(self.hash, Flavor::GO);
            writer.append_segment(
                &SegmentArgs::new(args),
                entries.iter().map(|(package, function, values)| (*package, *function, values.as_slice())),
            )?;
            self.counters.push(writer.finish());
        }
        self.units_hit = hit.iter().flatten().filter(|hit| **hit).count();
        Ok(())
    }

    /// Bytes of all counter files.
    pub fn counter_bytes(&self) -> usize {
        self.counters.iter().map(Vec::len).sum()
    }
}

fn units(random: &mut fastrand::Rng, line: &mut u32) -> Vec<Unit> {
    (0..=random.u32(..12))
        .map(|_| {
            let (start_line, length) = (*line, random.u32(..8));
            *line += length + 1;
            let (start_column, columns) = (2 + random.u32(..40), 3 + random.u32(..60));
            Unit {
                start_line,
                end_line: start_line + length,
                start_column,
                end_column: if length == 0 { start_column + columns } else { columns },
                statements: 1 + random.u32(..6),
            }
        })
        .collect()
}

fn counter(mode: CounterMode, random: &mut fastrand::Rng) -> u32 {
    match (mode, random.u8(..20)) {
        (_, 0..6) => 0,
        (CounterMode::Set, _) => 1,
        (_, 6..17) => random.u32(1..128),
        (_, 17..19) => random.u32(128..100_000),
        _ => random.u32(100_000..50_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let size = Size { packages: 3, functions: 20, runs: 2 };
        let first = Corpus::generate(size, CounterMode::Atomic, 1).unwrap();
        let again = Corpus::generate(size, CounterMode::Atomic, 1).unwrap();
        assert_eq!((&first.meta, &first.counters), (&again.meta, &again.counters));
        assert_ne!(first.meta, Corpus::generate(size, CounterMode::Atomic, 2).unwrap().meta);
    }
}
