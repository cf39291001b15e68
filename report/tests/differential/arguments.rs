//! Command lines: the first cases are written out below, all others are drawn.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;

use fastrand::Rng;

use crate::pool::{Family, Input, Pool, Trait, Traits};

/// The commands of the reference.
pub(crate) const COMMANDS: [&str; 8] =
    ["percent", "pkglist", "func", "textfmt", "merge", "subtract", "intersect", "debugdump"];

/// The flags of the reference; not every command has all of them.
pub(crate) const FLAGS: [&str; 12] = [
    "i",
    "o",
    "pkg",
    "pcombine",
    "live",
    "v",
    "h",
    "hw",
    "help",
    "cpuprofile",
    "memprofile",
    "memprofilerate",
];
const SWITCHES: [&str; 5] = ["pcombine", "live", "h", "hw", "help"];

/// How a flag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// `-flag=value`; `-flag` for a switch.
    Single,
    /// `--flag=value`; `--flag` for a switch.
    Double,
    /// `-flag value`; `-flag=true` for a switch.
    SingleApart,
    /// `--flag value`; `--flag=true` for a switch.
    DoubleApart,
}

impl Form {
    pub(crate) const ALL: [Self; 4] = [Self::Single, Self::Double, Self::SingleApart, Self::DoubleApart];
}

/// A command line and what is to be there when it runs.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// With the seed it gives the case.
    pub(crate) number: u64,
    pub(crate) arguments: Vec<OsString>,
    /// The directory of a run gets these copies of inputs: name, input.
    pub(crate) copies: Vec<(String, OsString)>,
    /// What is special about the inputs.
    pub(crate) traits: Traits,
    pub(crate) flags: BTreeSet<(&'static str, Form)>,
    /// The directories of the last `-i`.
    pub(crate) inputs: Vec<OsString>,
    /// What `-o` names.
    pub(crate) output: Option<OsString>,
    /// The value of `-pkg`.
    pub(crate) pattern: Option<OsString>,
}

impl Case {
    /// The command, if the reference knows it.
    pub(crate) fn command(&self) -> Option<&'static str> {
        let name = self.arguments.first()?;
        COMMANDS.into_iter().find(|command| name == command)
    }
}

/// Case `number` of a seed.
pub(crate) fn case(pool: &Pool, seed: u64, number: u64) -> Case {
    let index = usize::try_from(number).unwrap();
    match FIXED.lines().skip(1).nth(index / COMMANDS.len()) {
        Some(line) => fixed(number, line, COMMANDS[index % COMMANDS.len()]),
        None => drawn(pool, seed, number),
    }
}

/// Run with each command in the place of `CMD`.
const FIXED: &str = r#"
CMD
CMD -help
CMD --help
CMD -h
CMD -x
CMD -x=1
CMD -i
CMD -i=
CMD -o
CMD -pkg
CMD -i in/odd/empty more
CMD -i in/odd/empty -- more
CMD - -i=in/odd/empty
CMD -v=x -i=in/odd/empty
CMD -v=99999999999999999999
CMD -v 0x1_f -i
CMD -h=maybe
CMD -hw=
CMD -memprofilerate
CMD -memprofilerate= -i=in/odd/empty
CMD ---i
CMD -=x
CMD --
CMD -i=in/odd/nowhere
CMD -i=in/odd/nowhere -o=out
CMD -i=in/odd/file -o=out/x
CMD -i=in/odd/empty,,
CMD -i=in/odd/empty
CMD -i=in/odd/empty -o=out
CMD -i=in/odd/empty,in/odd/empty -o=out
CMD -i=in/odd/empty,in/odd/empty -o=
CMD -hw -i=in/odd/empty,in/odd/empty
CMD -hw=F -i=in/odd/empty -o out/x
CMD -i=in/odd/empty -o=nowhere/out
CMD -o=out/x -i=in/odd/nowhere
CMD -i=in/odd/empty -o=no"where/\ä
CMD -h=t -hw=1 -i=in/odd/link -o=fresh
CMD -pcombine -i=in/odd/empty,in/odd/empty -o=out
CMD -pcombine -live -i=in/odd/link -o=out/x
CMD -live -i=in/odd/link
CMD -i=in/odd/future,in/odd/future -o=out/x
CMD -pkg=,, -i=in/odd/link,in/odd/link -o=out
CMD -i=in/odd/link,in/odd/link -o=out -pcombine=false -live=0"#;

fn fixed(number: u64, line: &str, command: &str) -> Case {
    let arguments: Vec<OsString> =
        line.split(' ').map(|word| OsString::from(if word == "CMD" { command } else { word })).collect();
    Case {
        number,
        arguments,
        copies: Vec::new(),
        traits: Traits::new(),
        flags: BTreeSet::new(),
        inputs: Vec::new(),
        output: None,
        pattern: None,
    }
}

fn drawn(pool: &Pool, seed: u64, number: u64) -> Case {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
    let command = COMMANDS[usize::try_from(number).unwrap() % COMMANDS.len()];
    let mut line = Line { rng: &mut rng, groups: Vec::new(), flags: BTreeSet::new() };
    let writes = ["merge", "subtract", "intersect"].contains(&command);

    let (inputs, packages) = choose_inputs(line.rng, pool, command);
    let mut traits: Traits = inputs.iter().flat_map(|input| input.traits.iter().copied()).collect();
    let mut paths: Vec<OsString> = inputs.iter().map(|input| input.path.clone()).collect();
    let mut copies = Vec::new();
    let mut output = choose_output(line.rng, writes);
    match line.rng.u8(..20) {
        // The output is one of the inputs, or a directory that holds files already.
        // A copy of what is damaged would not be told by its path.
        0 if !inputs[0].traits.contains(&Trait::Damaged) => {
            copies.push(("own".to_owned(), paths[0].clone()));
            paths[0] = OsString::from("own");
            if writes && line.rng.u8(..4) != 0 {
                "own".clone_into(&mut output);
            }
            traits.insert(Trait::OwnOutput);
        }
        1 if writes => {
            copies.push(("full".to_owned(), line.rng.choice(&paths).unwrap().clone()));
            "full".clone_into(&mut output);
        }
        _ => {}
    }

    if line.one_in(40) {
        line.flag("i", b"in/odd/nowhere,x");
    }
    if !line.one_in(40) {
        line.flag("i", &paths.join(OsStr::new(",")).into_vec());
    }
    let wants_output = match command {
        "percent" => line.one_in(4),
        "textfmt" => !line.one_in(20),
        _ if writes => !line.one_in(25),
        _ => line.one_in(50),
    };
    if wants_output {
        line.flag("o", output.as_bytes());
    }
    let pattern = line.one_in(3).then(|| choose_pattern(line.rng, &packages));
    if let Some(pattern) = &pattern {
        line.flag("pkg", pattern);
    }
    line.add_switches(command);
    line.add_profiles();
    line.add_mistakes();

    let Line { mut groups, flags, .. } = line;
    let mut last = groups.pop_if(|group| group.first().is_some_and(|word| word == "\0last"));
    rng.shuffle(&mut groups);
    if let Some(last) = &mut last {
        last.remove(0);
    }
    let mut arguments = vec![OsString::from(command)];
    if rng.u8(..100) == 0 {
        let others = ["", "Percent", "percent ", "help", "-help", "--", "\"quoted\"\n", "-i=x", "mergé"];
        arguments[0] = OsString::from(*rng.choice(&others).unwrap());
    }
    arguments.extend(groups.into_iter().chain(last).flatten());
    let output = wants_output.then(|| OsString::from(output));
    let pattern = pattern.map(OsString::from_vec);
    Case { number, arguments, copies, traits, flags, inputs: paths, output, pattern }
}

/// A command line under construction.
struct Line<'r> {
    rng: &'r mut Rng,
    /// Words that stay together. A group that starts with `\0last` stays at the end.
    groups: Vec<Vec<OsString>>,
    flags: BTreeSet<(&'static str, Form)>,
}

impl Line<'_> {
    fn one_in(&mut self, number: u8) -> bool {
        self.rng.u8(..number) == 0
    }

    fn flag(&mut self, name: &'static str, value: &[u8]) {
        let form = *self.rng.choice(&Form::ALL).unwrap();
        self.flags.insert((name, form));
        let dashes = if matches!(form, Form::Single | Form::SingleApart) { "-" } else { "--" };
        let apart = matches!(form, Form::SingleApart | Form::DoubleApart);
        let start = format!("{dashes}{name}").into_bytes();
        let words = if SWITCHES.contains(&name) {
            if apart { vec![[&start, &b"="[..], value].concat()] } else { vec![start] }
        } else if apart {
            vec![start, value.to_vec()]
        } else {
            vec![[&start, &b"="[..], value].concat()]
        };
        self.groups.push(words.into_iter().map(OsString::from_vec).collect());
    }

    fn add_switches(&mut self, command: &str) {
        for (name, belongs) in [("pcombine", command == "merge"), ("live", command == "debugdump")] {
            if if belongs { !self.one_in(3) } else { self.one_in(100) } {
                self.switch(name);
            }
        }
        for name in ["h", "hw"] {
            if self.one_in(11) {
                self.switch(name);
            }
        }
        if self.one_in(12) {
            self.flag("help", b"true");
        }
        if self.one_in(11) {
            let level = *self.rng.choice(&["0", "1", "2", "3", "4", "5", "6", "-1", "0x2"]).unwrap();
            self.flag("v", level.as_bytes());
        }
    }

    fn switch(&mut self, name: &'static str) {
        let value = *self.rng.choice(&["true", "true", "1", "T", "false", "0"]).unwrap();
        self.flag(name, value.as_bytes());
    }

    fn add_profiles(&mut self) {
        for name in ["cpuprofile", "memprofile"] {
            if self.one_in(12) {
                let places: [&[u8]; 6] =
                    [b"cpu.prof", b"mem.prof", b"a b.prof", b"out/x.prof", b"", b"nowhere/x.prof"];
                let place = *self.rng.choice(&places).unwrap();
                self.flag(name, place);
            }
        }
        if self.one_in(10) {
            let rates = ["0", "1", "512", "0x10", "1_000", "-1", "0b11", "0o17"];
            let rate = *self.rng.choice(&rates).unwrap();
            self.flag("memprofilerate", rate.as_bytes());
        }
    }

    fn add_mistakes(&mut self) {
        if !self.one_in(25) {
            return;
        }
        let last = self.one_in(3);
        let choices: &[&[&str]] = if last {
            &[&["extra"], &["-"], &["--"], &["--", "more"], &["-i"], &["-pkg"], &["-v"], &["--", "-x"]]
        } else {
            &[
                &["-x"],
                &["--foo=1"],
                &["-=x"],
                &["---i"],
                &["-h=maybe"],
                &["-v=x"],
                &["-v="],
                &["-v=99999999999999999999"],
                &["-memprofilerate=1e3"],
                &["-live=2"],
                &["-pcombine="],
                &["-I=x"],
                &["extra"],
                &["--"],
                &["-größe"],
                &["-é\"=\\"],
            ]
        };
        let words = self.rng.choice(choices).unwrap().iter().map(OsString::from);
        let group = last.then(|| OsString::from("\0last")).into_iter().chain(words).collect();
        self.groups.push(group);
    }
}

/// Inputs, mostly of one family, and the packages that are in them.
fn choose_inputs(rng: &mut Rng, pool: &Pool, command: &str) -> (Vec<Input>, Vec<Vec<u8>>) {
    let count = match (command, rng.u8(..20)) {
        ("subtract", 1..) | (_, 7..14) => 2,
        (_, 0..7) => 1,
        (_, 14..17) => 3,
        _ => 4,
    };
    let choose_family = |rng: &mut Rng| -> &Family {
        let families = if rng.u8(..5) < 2 { &pool.recorded } else { &pool.made };
        rng.choice(families).unwrap()
    };
    let family = choose_family(rng);
    let mut packages = family.packages.clone();
    let mut inputs = Vec::new();
    for _ in 0..count {
        let family = if rng.u8(..6) == 0 { choose_family(rng) } else { family };
        packages.extend(family.packages.iter().take(3).cloned());
        let choice = if rng.u8(..25) == 0 { &pool.odd } else { &family.inputs };
        let input = rng.choice(choice).unwrap();
        // Damage is no more than a spice: most cases are to end well.
        if input.traits.contains(&Trait::Damaged) && rng.u8(..3) != 0 {
            inputs.push(family.inputs[0].clone());
        } else {
            inputs.push(input.clone());
        }
    }
    (inputs, packages)
}

fn choose_output(rng: &mut Rng, directory: bool) -> String {
    let good: &[&str] = if directory {
        &["out", "out", "out/", "./out", "out//.", "in/../out"]
    } else {
        &["out/profile", "out/profile", "profile.txt", "./out/../profile", "file"]
    };
    let bad = [
        "fresh",
        "fresh/below",
        "file",
        "out",
        "",
        "locked",
        "/proc",
        "/sys/kernel/x",
        "/dev/full",
        "größe/x",
        "in/odd/loop",
    ];
    (*if rng.u8(..6) == 0 { rng.choice(&bad) } else { rng.choice(good) }.unwrap()).to_owned()
}

/// A list of patterns, most of which match something.
fn choose_pattern(rng: &mut Rng, packages: &[Vec<u8>]) -> Vec<u8> {
    let mut patterns = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let package = rng.choice(packages).cloned().unwrap_or_else(|| b"none".to_vec());
        let slash = package.iter().position(|byte| *byte == b'/').unwrap_or(package.len());
        let last = package.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let cut = rng.usize(..=package.len());
        patterns.push(match rng.u8(..12) {
            0..4 => package,
            4 => [&package, &b"/..."[..]].concat(),
            5 => [&package[..slash], b"/..."].concat(),
            6 => [b"...", &package[last..]].concat(),
            7 => [&package[..cut], b"..."].concat(),
            8 => [&package[..cut], b"...", &package[cut..]].concat(),
            9 => b"...".to_vec(),
            10 => rng
                .choice(&[&b"./..."[..], b"", b"std", b"nothing", b".../vendor/...", b"."])
                .unwrap()
                .to_vec(),
            _ => [&package[last..], b"..."].concat(),
        });
    }
    patterns.join(&b',')
}
