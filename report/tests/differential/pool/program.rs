//! Programs that were never compiled: packages, functions and units such as the format allows, and their meta files.

use covfmt::ids::MetaHash;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::unit::Unit;
use covfmt::write::{PackageBuilder, encode_meta, hash_of_program};
use fastrand::Rng;

use super::traits::{Trait, Traits};

/// What a build with `-cover` would be made of.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) mode: CounterMode,
    pub(super) granularity: Granularity,
    pub(super) packages: Vec<Package>,
}

#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) path: Vec<u8>,
    name: Vec<u8>,
    module: Vec<u8>,
    pub(super) functions: Vec<Function>,
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    name: Vec<u8>,
    file: Vec<u8>,
    literal: bool,
    pub(super) units: Vec<Unit>,
}

/// How a program is to be special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    ManyPackages,
    StrangeNames,
    PerFunction,
    Duplicates,
    Sparse,
}

impl Program {
    pub(super) fn draw(rng: &mut Rng, shape: Shape, traits: &mut Traits) -> Self {
        let modes = [
            CounterMode::Set,
            CounterMode::Set,
            CounterMode::Count,
            CounterMode::Count,
            CounterMode::Atomic,
            CounterMode::Atomic,
            CounterMode::Atomic,
        ];
        let mode = if rng.u8(..12) == 0 {
            *pick(rng, &[CounterMode::RegOnly, CounterMode::TestMain])
        } else {
            *pick(rng, &modes)
        };
        let granularity =
            if shape == Shape::PerFunction { Granularity::PerFunc } else { Granularity::PerBlock };
        let packages = match shape {
            Shape::ManyPackages => 300,
            Shape::Sparse => rng.usize(0..3),
            _ => rng.usize(1..7),
        };
        let mut drawn = Self { mode, granularity, packages: Vec::new() };
        for _ in 0..packages {
            let package = Package::draw(rng, shape, drawn.packages.len());
            // Two packages of one path are no program that a compiler makes.
            if drawn.packages.iter().all(|other| other.path != package.path) {
                drawn.packages.push(package);
            }
        }
        if shape == Shape::ManyPackages {
            rng.shuffle(&mut drawn.packages);
        }
        drawn.note(traits);
        drawn
    }

    /// Another build of nearly the same source.
    pub(super) fn revise(&self, rng: &mut Rng, traits: &mut Traits) -> Self {
        let mut revised = self.clone();
        for _ in 0..rng.usize(1..4) {
            match rng.u8(..7) {
                0 => revised.mode = *pick(rng, &[CounterMode::Set, CounterMode::Count, CounterMode::Atomic]),
                1 => rng.shuffle(&mut revised.packages),
                2 if revised.packages.len() > 1 => {
                    revised.packages.remove(rng.usize(..revised.packages.len()));
                }
                3 => revised.packages.push(Package::draw(rng, Shape::Plain, 1000)),
                _ => {
                    if let Some(package) = pick_mut(rng, &mut revised.packages) {
                        package.revise(rng);
                    }
                }
            }
        }
        let mut paths: Vec<Vec<u8>> = Vec::new();
        revised.packages.retain(|package| {
            let new = !paths.contains(&package.path);
            paths.push(package.path.clone());
            new
        });
        revised.note(traits);
        revised
    }

    fn note(&self, traits: &mut Traits) {
        traits.insert(match self.mode {
            CounterMode::Set => Trait::SetMode,
            CounterMode::Count => Trait::CountMode,
            CounterMode::Atomic => Trait::AtomicMode,
            _ => Trait::PseudoMode,
        });
        if self.granularity == Granularity::PerFunc {
            traits.insert(Trait::PerFunction);
        }
        if self.packages.len() >= 300 {
            traits.insert(Trait::ManyPackages);
        }
        if self.packages.is_empty() {
            traits.insert(Trait::NoPackages);
        }
        for package in &self.packages {
            if package.functions.is_empty() {
                traits.insert(Trait::EmptyPackage);
            }
            let texts = [&package.path, &package.name, &package.module];
            let functions = package.functions.iter().flat_map(|function| [&function.name, &function.file]);
            for text in texts.into_iter().chain(functions) {
                if text.len() > 1_000 {
                    traits.insert(Trait::LongNames);
                }
                if !text.is_ascii() {
                    traits.insert(Trait::NonAscii);
                }
            }
            for function in &package.functions {
                if function.units.is_empty() {
                    traits.insert(Trait::NoUnits);
                }
                let mut units = function.units.clone();
                units.sort_unstable();
                units.dedup();
                if units.len() < function.units.len() {
                    traits.insert(Trait::DuplicateUnits);
                }
            }
        }
    }

    /// The meta file as a running program would write it, and its hash.
    pub(super) fn encode(&self) -> (MetaHash, Vec<u8>) {
        let builders: Vec<PackageBuilder> = self.packages.iter().map(Package::build).collect();
        let hash = hash_of_program(builders.iter().map(PackageBuilder::hash), self.mode, self.granularity);
        let blobs: Vec<Vec<u8>> = builders.iter().map(|builder| builder.encode().unwrap()).collect();
        (hash, encode_meta(hash, self.mode, self.granularity, &blobs).unwrap())
    }
}

const PATHS: [&str; 12] = [
    "example.com/m",
    "example.com/m/internal/a",
    "example.com/m/internal/a-b",
    "example.com/m/internal/a/b",
    "example.com/m/Upper",
    "example.com/other/v2",
    "command-line-arguments",
    "main",
    "fmt",
    "vendor/golang.org/x/net",
    "example.com/m/vendor/x",
    "a",
];
const STRANGE: [&[u8]; 9] = [
    "größe/日本語".as_bytes(),
    b"with space/and\ttab",
    b"percent%d/%s%",
    b"\xff\xfe/not-utf8\x80",
    "é/e\u{301}\u{200b}\u{1f600}".as_bytes(),
    b"quote\"back\\slash",
    // The second half looks like a trace: `-v` prints names over two lines.
    b"line\nvisit pk=end",
    b"a...b/...",
    b"comma,comma",
];
const FUNCTIONS: [&str; 10] = [
    "main",
    "init",
    "f",
    "(*T).Method",
    "T.Method",
    "Map[...]",
    "f.func1",
    "f.func1.2",
    "(*Tree[...]).Insert",
    "glob..func1",
];

impl Package {
    fn draw(rng: &mut Rng, shape: Shape, number: usize) -> Self {
        let mut path = match shape {
            Shape::ManyPackages => format!("example.com/many/p{number:03}").into_bytes(),
            _ if rng.u8(..4) == 0 => format!("example.com/m/p{}", rng.u8(..9)).into_bytes(),
            _ => pick(rng, &PATHS).as_bytes().to_vec(),
        };
        if shape == Shape::StrangeNames {
            path = strange(rng, b"example.com/");
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap().to_vec();
        let module = match rng.u8(..4) {
            0 => Vec::new(),
            1 => path.clone(),
            _ => b"example.com/m".to_vec(),
        };
        let functions = match shape {
            Shape::Sparse => rng.usize(0..3),
            Shape::ManyPackages => rng.usize(0..4),
            _ if rng.u8(..8) == 0 => 0,
            _ if rng.u8(..12) == 0 => rng.usize(30..90),
            _ => rng.usize(1..9),
        };
        let mut package = Self { path, name, module, functions: Vec::new() };
        for index in 0..functions {
            package.functions.push(Function::draw(rng, shape, &package.path, index));
        }
        if shape == Shape::Duplicates && !package.functions.is_empty() {
            for _ in 0..rng.usize(1..3) {
                let copy = pick(rng, &package.functions).clone();
                package.functions.push(copy);
            }
        }
        package
    }

    fn revise(&mut self, rng: &mut Rng) {
        match rng.u8(..4) {
            0 if !self.functions.is_empty() => {
                self.functions.remove(rng.usize(..self.functions.len()));
            }
            1 => {
                let function = Function::draw(rng, Shape::Plain, &self.path, self.functions.len());
                self.functions.insert(rng.usize(..=self.functions.len()), function);
            }
            2 => rng.shuffle(&mut self.functions),
            _ => {
                if let Some(unit) =
                    pick_mut(rng, &mut self.functions).and_then(|function| pick_mut(rng, &mut function.units))
                {
                    unit.statements += 1;
                }
            }
        }
    }

    fn build(&self) -> PackageBuilder {
        let mut builder = PackageBuilder::new(&self.path, &self.name, &self.module).unwrap();
        for function in &self.functions {
            builder.add_function(&function.name, &function.file, function.literal, &function.units).unwrap();
        }
        builder
    }
}

impl Function {
    fn draw(rng: &mut Rng, shape: Shape, package: &[u8], index: usize) -> Self {
        let literal = rng.u8(..6) == 0;
        let name = match rng.u8(..3) {
            0 => pick(rng, &FUNCTIONS).as_bytes().to_vec(),
            _ if shape == Shape::StrangeNames => strange(rng, b""),
            _ => format!("F{index}").into_bytes(),
        };
        let file_name = *pick(rng, &["a.go", "b.go", "a_test.go", "Z.go", "z.go"]);
        let file = match rng.u8(..10) {
            0 => format!("/src/app/{file_name}").into_bytes(),
            1 if shape == Shape::StrangeNames => strange(rng, b"/"),
            _ => [package, b"/", file_name.as_bytes()].concat(),
        };
        let count = match shape {
            Shape::PerFunction => 1,
            Shape::Sparse => rng.usize(0..2),
            _ if rng.u8(..12) == 0 => 0,
            _ if rng.u8(..25) == 0 => rng.usize(100..300),
            _ => rng.usize(1..7),
        };
        // Functions of one file do not overlap, as a compiler has it; ties in the reference's order would be random.
        let mut line = u32::try_from(index).unwrap() * 1000 + rng.u32(1..50);
        let mut units = Vec::with_capacity(count);
        for _ in 0..count {
            let length = rng.u32(..3);
            let start_column = rng.u32(1..120);
            let end_column = if length == 0 { start_column + rng.u32(1..60) } else { rng.u32(1..120) };
            units.push(Unit {
                start_line: line,
                end_line: line + length,
                start_column,
                end_column,
                statements: if rng.u8(..10) == 0 { 0 } else { rng.u32(1..12) },
            });
            line += length + rng.u32(1..3);
        }
        match rng.u8(..30) {
            // As under a `//line` directive: no columns, or an end before the start.
            0 => units.iter_mut().for_each(|unit| (unit.start_column, unit.end_column) = (0, 0)),
            1 => units.iter_mut().for_each(|unit| unit.end_line = unit.start_line.saturating_sub(7)),
            2 => units.iter_mut().for_each(|unit| unit.statements = 0),
            3 => units.iter_mut().for_each(|unit| unit.statements = rng.u32(..)),
            _ => {}
        }
        if shape == Shape::Duplicates && !units.is_empty() {
            let copy = *pick(rng, &units);
            units.push(copy);
        }
        if rng.u8(..10) == 0 {
            rng.shuffle(&mut units);
        }
        Self { name, file, literal, units }
    }
}

fn strange(rng: &mut Rng, start: &[u8]) -> Vec<u8> {
    let mut text = [start, *pick(rng, &STRANGE)].concat();
    if rng.u8(..4) == 0 {
        text.extend(std::iter::repeat_n(b'x', rng.usize(1_000..9_000)));
    }
    if rng.bool() {
        text.extend(rng.u8(..100).to_string().into_bytes());
    }
    text
}

/// One of several.
pub(super) fn pick<'l, T>(rng: &mut Rng, list: &'l [T]) -> &'l T {
    &list[rng.usize(..list.len())]
}

fn pick_mut<'l, T>(rng: &mut Rng, list: &'l mut [T]) -> Option<&'l mut T> {
    let length = list.len();
    if length == 0 { None } else { list.get_mut(rng.usize(..length)) }
}
