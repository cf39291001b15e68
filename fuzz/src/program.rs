//! Any bytes as a program and runs of it.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Result, Unstructured};
use bstr::BStr;
use covfmt::ids::{FunctionIndex, MetaHash, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::unit::Unit;
use covfmt::write::{CounterWriter, PackageBuilder, SegmentArgs, encode_meta, hash_of_program};

#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) mode: CounterMode,
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) path: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) module: Vec<u8>,
    pub(crate) functions: Vec<Function>,
}

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: Vec<u8>,
    pub(crate) file: Vec<u8>,
    pub(crate) literal: bool,
    pub(crate) units: Vec<Unit>,
}

/// Counters of a function: package, function, values.
pub(crate) type Entry = (u32, u32, Vec<u32>);

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) flavor: Flavor,
    pub(crate) args: BTreeMap<String, String>,
    pub(crate) entries: Vec<Entry>,
}

/// Names that occur, and names that must not do harm.
const NAMES: [&[u8]; 16] = [
    b"main",
    b"(*T).M",
    b"init",
    b"f.func1",
    b"Pair[go.shape.int].Set",
    b"example.com/m",
    b"example.com/m/a.go",
    b"example.com/m/b.go",
    b"/root/main.go",
    b"C:\\src\\a.go",
    b"a,b\ne nd_of_record\nSF:x",
    b"<&\"'>]]>",
    b"\x1b[31m",
    b"\xff\xfe",
    b"| `x` |",
    b"",
];

fn text(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let choice = usize::from(u8::arbitrary(u)?);
    if let Some(name) = NAMES.get(choice % 20) {
        return Ok(name.to_vec());
    }
    let length = u.int_in_range(0..=12)?;
    Ok(u.bytes(length.min(u.len()))?.to_vec())
}

fn number(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.int_in_range(0..=9)? {
        0 => u32::arbitrary(u)?,
        1 => u32::MAX,
        _ => u8::arbitrary(u)?.into(),
    })
}

fn unit(u: &mut Unstructured<'_>) -> Result<Unit> {
    Ok(Unit {
        start_line: number(u)?,
        end_line: number(u)?,
        start_column: number(u)?,
        end_column: number(u)?,
        statements: number(u)?,
    })
}

fn several<T>(
    u: &mut Unstructured<'_>,
    most: usize,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=most)?).map(|_| one(u)).collect()
}

impl Program {
    pub(crate) fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let mode = *u.choose(&[CounterMode::Set, CounterMode::Count, CounterMode::Atomic])?;
        let packages = several(u, 4, |u| {
            let mut path = text(u)?;
            if path.is_empty() {
                path.push(b'p');
            }
            let (name, module) = (text(u)?, text(u)?);
            let functions = several(u, 5, |u| {
                let (name, file, literal) = (text(u)?, text(u)?, bool::arbitrary(u)?);
                Ok(Function { name, file, literal, units: several(u, 6, unit)? })
            })?;
            Ok(Package { path, name, module, functions })
        })?;
        Ok(Self { mode, packages })
    }

    /// Some of the functions' counters, in any order, perhaps twice.
    pub(crate) fn run(&self, u: &mut Unstructured<'_>) -> Result<Run> {
        let flavor = *u.choose(&[Flavor::GO, Flavor::RawLittleEndian, Flavor::RawBigEndian])?;
        let mut all = Vec::new();
        for (p, package) in (0_u32..).zip(&self.packages) {
            for (f, function) in (0_u32..).zip(&package.functions) {
                all.push((p, f, function.units.len()));
            }
        }
        let entries = if all.is_empty() {
            Vec::new()
        } else {
            several(u, 8, |u| {
                let (p, f, units) = *u.choose(&all)?;
                Ok((p, f, (0..units).map(|_| number(u)).collect::<Result<_>>()?))
            })?
        };
        let args = several(u, 3, |u| {
            let key = *u.choose(&["argv0", "GOOS", "GOARCH", "x"])?;
            Ok((key.to_owned(), String::from_utf8_lossy(&text(u)?).into_owned()))
        })?;
        Ok(Run { flavor, args: args.into_iter().collect(), entries })
    }

    pub(crate) fn encode(&self) -> (MetaHash, Vec<u8>) {
        let (mut blobs, mut hashes) = (Vec::new(), Vec::new());
        for package in &self.packages {
            let mut builder = PackageBuilder::new(&package.path, &package.name, &package.module).unwrap();
            for f in &package.functions {
                builder.add_function(&f.name, &f.file, f.literal, &f.units).unwrap();
            }
            hashes.push(builder.hash());
            blobs.push(builder.encode().unwrap());
        }
        let hash = hash_of_program(hashes, self.mode, Granularity::PerBlock);
        (hash, encode_meta(hash, self.mode, Granularity::PerBlock, &blobs).unwrap())
    }
}

impl Run {
    pub(crate) fn encode(&self, meta_hash: MetaHash) -> Vec<u8> {
        let mut writer = CounterWriter::new(meta_hash, self.flavor);
        let args = self.args.iter().map(|(k, v)| (BStr::new(k), BStr::new(v))).collect();
        let entries = self.entries.iter();
        let entries = entries.map(|(p, f, v)| (PackageIndex(*p), FunctionIndex(*f), v.as_slice()));
        writer.append_segment(&SegmentArgs::new(args), entries).unwrap();
        writer.finish()
    }
}
