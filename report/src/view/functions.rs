//! The functions of one file: names as the Go runtime prints them, hits, lines.

use std::collections::HashMap;

use bstr::{BStr, ByteSlice as _};
use covfmt::merge::add;
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use covfmt::unit::Unit;

use super::lines::LineRule;
use super::totals::Ratio;
use crate::source::{CodeSpan, Declaration, SourceText, declarations};

/// A function as reports name and count it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FunctionView {
    /// The name as the runtime prints it, without the package: `(*Square).Area`, `Circle.Area`, `Map[...]`, `init.0`;
    /// a literal is `func.L150.C14` after its place. Unique in its file, without commas and control characters.
    pub name: String,
    /// The 1-based line of its keyword `func`; without source, the first line of its first unit.
    pub start_line: u32,
    /// The 1-based line of the brace that closes its body; without source and for literals, the last line of its units.
    pub end_line: u32,
    /// How often the function was entered: the count of its first unit.
    pub hits: u32,
    /// Its statements, each counted once if several builds have them.
    pub statements: Ratio,
    /// The lines that hold its code, ascending; empty for a function without statements.
    pub lines: Vec<u32>,
}

/// A function whose name may still depend on the other files of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unnamed {
    name: Name,
    start_line: u32,
    end_line: u32,
    hits: u32,
    statements: Ratio,
    lines: Vec<u32>,
}

impl Unnamed {
    /// The lines that hold its code, ascending.
    pub(super) fn lines(&self) -> &[u32] {
        &self.lines
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// One of the package's `init` functions, which the runtime numbers.
    Init,
    Known(String),
}

/// What the line rule and the source make of a file's functions, in the order of the file.
///
/// Functions of one name whose extents overlap are one function that several builds saw differently: their hits are
/// added.
pub(super) fn collect(
    mode: CounterMode,
    functions: &[Function<'_>],
    rule: &LineRule<'_>,
    source: Option<(&SourceText, &[Declaration])>,
) -> Vec<Unnamed> {
    let mut extents: Vec<(Extent, Function<'_>)> =
        functions.iter().filter_map(|function| Some((Extent::of(function.units)?, *function))).collect();
    extents.sort_by_key(|(extent, function)| (function.name, function.literal, *extent));

    let mut found: Vec<(Extent, Unnamed)> = Vec::with_capacity(extents.len());
    let mut room = Room::default();
    for same_name in extents.chunk_by(|(_, a), (_, b)| (a.name, a.literal) == (b.name, b.literal)) {
        let mut rest = same_name;
        while let Some((first, _)) = rest.first() {
            let mut whole = *first;
            let overlapping = |(extent, _): &&(Extent, Function<'_>)| {
                let overlaps = *extent == *first || extent.start < whole.end;
                whole.end = if overlaps { whole.end.max(extent.end) } else { whole.end };
                overlaps
            };
            let (one, others) = rest.split_at(rest.iter().take_while(overlapping).count());
            found.push((*first, join(mode, &whole, one, rule, source, &mut room)));
            rest = others;
        }
    }
    found.sort_by(|(a, x), (b, y)| (a, &x.hits).cmp(&(b, &y.hits)));
    found.into_iter().map(|(_, function)| function).collect()
}

/// What is needed while a function is looked at, kept for the next one.
#[derive(Default)]
struct Room {
    spans: Vec<CodeSpan>,
    lines: Vec<u32>,
}

/// One function of all that builds have of it.
fn join(
    mode: CounterMode,
    whole: &Extent,
    parts: &[(Extent, Function<'_>)],
    rule: &LineRule<'_>,
    source: Option<(&SourceText, &[Declaration])>,
    Room { spans, lines }: &mut Room,
) -> Unnamed {
    let functions = || parts.iter().map(|(_, function)| function);
    let hits = functions().fold(0, |sum, function| add(mode, sum, function.entries));

    lines.clear();
    for unit in functions().flat_map(|function| function.units) {
        rule.find_code(unit, spans);
        lines.extend(spans.iter().map(|span| span.line));
    }
    lines.sort_unstable();
    lines.dedup();

    let mut units: Vec<(&Unit, bool)> = functions()
        .flat_map(|function| function.units.iter().zip(function.counts.iter().map(|count| *count != 0)))
        .collect();
    units.sort_unstable();
    let mut statements = Ratio::default();
    for equal in units.chunk_by(|(a, _), (b, _)| a == b) {
        // The last of them is a covered one, if there is any.
        equal.last().iter().for_each(|(unit, covered)| statements.count(unit.statements.into(), *covered));
    }

    let function = functions().next();
    let declaration = function.zip(source).and_then(|(function, (text, declarations))| {
        let declaration = declared_at(text, declarations, whole, bare(function.name));
        declaration.filter(|_| !function.literal).map(|declaration| (text, declaration))
    });
    let (start_line, end_line) = match declaration {
        Some((text, Declaration { start, end, .. })) if end > start => {
            (text.line_of(*start), text.line_of(end - 1))
        }
        _ => {
            let place = function.filter(|function| function.literal).and_then(|f| literal_place(f.name));
            let line = place.filter(|place| source.is_none_or(|(text, _)| is_keyword(text, *place)));
            (line.map_or(whole.start.0, |(line, _)| line), whole.end.0)
        }
    };
    let declaration = declaration.map(|(_, declaration)| declaration);
    let name = function.map_or(Name::Known(String::new()), |function| name_of(function, declaration));
    // No Go writes line 0, and no line has that number.
    let start_line = start_line.max(1);
    Unnamed { name, start_line, end_line: end_line.max(start_line), hits, statements, lines: lines.clone() }
}

/// Line and column in the name that the compiler gives a literal, `func.L150.C14`. `cmd/cover/cover.go`, `funcName`.
fn literal_place(name: &BStr) -> Option<(u32, u32)> {
    let (line, column) = name.strip_prefix(b"func.L")?.split_once_str(".C")?;
    Some((line.to_str().ok()?.parse().ok()?, column.to_str().ok()?.parse().ok()?))
}

/// Whether the keyword `func` is at a line and column: behind `//line` directives a literal's name has another place.
fn is_keyword(text: &SourceText, (line, column): (u32, u32)) -> bool {
    let at =
        Unit { start_line: line, end_line: line, start_column: column, end_column: column, statements: 0 };
    let start = text.range_of(&at).ok().filter(|_| column != 0).map(|(start, _)| start as usize);
    start.and_then(|start| text.bytes().get(start..)).is_some_and(|bytes| bytes.starts_with(b"func"))
}

/// Gives the functions of a file their names. `inits` counts the `init` functions of the package so far: files are
/// taken in the order of their names, as the compiler takes them.
pub(super) fn name_all(functions: Vec<Unnamed>, inits: &mut usize) -> Vec<FunctionView> {
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut named: Vec<FunctionView> = Vec::with_capacity(functions.len());
    for function in functions {
        let name = match function.name {
            Name::Known(name) => name,
            Name::Init => {
                let name = format!("init.{inits}");
                *inits += 1;
                name
            }
        };
        let name = unlike_others(name, &mut taken);
        let Unnamed { start_line, end_line, hits, statements, lines, .. } = function;
        named.push(FunctionView { name, start_line, end_line, hits, statements, lines });
    }
    named
}

/// The name, or the name with the first number that makes it unlike all before it. `taken` has how often each was tried.
fn unlike_others(name: String, taken: &mut HashMap<String, usize>) -> String {
    let Some(mut times) = taken.get(&name).copied() else {
        taken.insert(name.clone(), 1);
        return name;
    };
    let unlike = loop {
        times += 1;
        let numbered = format!("{name}#{times}");
        if !taken.contains_key(&numbered) {
            break numbered;
        }
    };
    taken.insert(name, times);
    taken.insert(unlike.clone(), 1);
    unlike
}

/// From the start of the first unit to the end of the last; lines and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    start: (u32, u32),
    end: (u32, u32),
}

impl Extent {
    fn of(units: &[Unit]) -> Option<Self> {
        let start = units.iter().map(|unit| (unit.start_line, unit.start_column)).min()?;
        let end = units.iter().map(|unit| (unit.end_line, unit.end_column)).max()?;
        // A function of an empty unit still takes up its place.
        Some(Self { start, end: end.max((start.0, start.1.saturating_add(1))) })
    }
}

fn name_of(function: &Function<'_>, declaration: Option<&Declaration>) -> Name {
    let name = function.name;
    if function.literal {
        return Name::Known(clean(name));
    }
    // The compiler writes `T.Method` and `*T.Method`, but a generic receiver it leaves out.
    if let Some((receiver, method)) = name.rsplit_once_str(".") {
        return Name::Known(match receiver.strip_prefix(b"*") {
            Some(base) => format!("(*{}).{}", clean(base.as_bstr()), clean(method.as_bstr())),
            None => clean(name),
        });
    }
    match declaration {
        Some(Declaration { receiver: Some(receiver), .. }) => {
            let parameters = if receiver.generic { "[...]" } else { "" };
            let base = format!("{}{parameters}", clean(receiver.base.as_bstr()));
            let method = clean(name);
            Name::Known(if receiver.pointer {
                format!("(*{base}).{method}")
            } else {
                format!("{base}.{method}")
            })
        }
        Some(Declaration { generic: true, .. }) => Name::Known(format!("{}[...]", clean(name))),
        _ if name == "init" => Name::Init,
        _ => Name::Known(clean(name)),
    }
}

/// Whether the source declares all these functions where their first units are. Literals have no name to go by.
pub(super) fn are_declared(functions: &[Function<'_>], text: &SourceText) -> bool {
    let declarations = declarations(text);
    functions.iter().filter(|function| !function.literal).all(|function| {
        Extent::of(function.units)
            .is_none_or(|extent| declared_at(text, &declarations, &extent, bare(function.name)).is_some())
    })
}

/// The name that a function is declared with: the compiler writes a method's receiver before it.
fn bare(name: &BStr) -> &BStr {
    name.rsplit_once_str(".").map_or(name, |(_, method)| method.as_bstr())
}

/// The declaration that a function's first unit lies in.
fn declared_at<'d>(
    text: &SourceText,
    declarations: &'d [Declaration],
    extent: &Extent,
    name: &BStr,
) -> Option<&'d Declaration> {
    let (line, column) = extent.start;
    let at =
        Unit { start_line: line, end_line: line, start_column: column, end_column: column, statements: 0 };
    let (offset, end) = text.range_of(&at).ok()?;
    let offset = if column == 0 { end } else { offset };
    let before = declarations.partition_point(|declaration| declaration.start <= offset);
    let declaration = declarations.get(before.checked_sub(1)?)?;
    (declaration.name.as_bstr() == name).then_some(declaration)
}

/// The name as text in which no format finds a separator: commas, white space and control characters become `_`.
fn clean(name: &BStr) -> String {
    let separates =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '\u{fffe}' | '\u{ffff}');
    name.chars().map(|c| if separates(c) { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(start_line: u32, start_column: u32, end_line: u32, end_column: u32) -> Unit {
        Unit { start_line, end_line, start_column, end_column, statements: 1 }
    }

    fn function<'p>(name: &'p str, units: &'p [Unit], counts: &'p [u32]) -> Function<'p> {
        Function {
            name: name.into(),
            file: "p/a.go".into(),
            literal: name.starts_with("func."),
            units,
            counts,
            entries: counts.first().copied().unwrap_or_default(),
        }
    }

    fn named(functions: &[Function<'_>], source: Option<&str>) -> Vec<(String, u32, Vec<u32>)> {
        let text = source.map(|source| SourceText::new(source.into()));
        let declared = text.as_ref().map(declarations).unwrap_or_default();
        let units = || functions.iter().flat_map(|function| function.units.iter().copied());
        let rule = match &text {
            Some(text) => LineRule::with_source(text, units()).unwrap(),
            None => LineRule::without_source(units()),
        };
        let source = text.as_ref().map(|text| (text, declared.as_slice()));
        let collected = collect(CounterMode::Count, functions, &rule, source);
        name_all(collected, &mut 0).into_iter().map(|f| (f.name, f.hits, f.lines)).collect()
    }

    fn names(functions: &[Function<'_>], source: Option<&str>) -> Vec<String> {
        named(functions, source).into_iter().map(|(name, ..)| name).collect()
    }

    #[test]
    fn names_are_those_of_the_runtime() {
        let units: Vec<[Unit; 1]> = (1..=6).map(|line| [unit(line, 5, line, 9)]).collect();
        let of = |index: usize, name| function(name, &units[index], &[1]);
        let functions = [
            of(0, "main"),
            of(1, "*Square.Area"),
            of(2, "Circle.Area"),
            of(3, "func.L4.C5"),
            of(4, "init"),
            of(5, "init"),
        ];
        assert_eq!(
            names(&functions, None),
            ["main", "(*Square).Area", "Circle.Area", "func.L4.C5", "init.0", "init.1"]
        );
    }

    #[test]
    fn generic_receivers_come_from_the_source() {
        let source = "func (p *Pair[K, V]) Set() { f() }\nfunc (s Set[T]) Set() { f() }\nfunc Map[T any]() { f() }\n\
                      func (s Set[T]) init() { f() }\nfunc init() { f() }\n";
        let units = [
            [unit(1, 28, 1, 35)],
            [unit(2, 23, 2, 30)],
            [unit(3, 19, 3, 26)],
            [unit(4, 24, 4, 31)],
            [unit(5, 13, 5, 20)],
        ];
        let functions: Vec<Function<'_>> = ["Set", "Set", "Map", "init", "init"]
            .into_iter()
            .zip(&units)
            .map(|(name, units)| function(name, units, &[1]))
            .collect();
        assert_eq!(
            names(&functions, Some(source)),
            ["(*Pair[...]).Set", "Set[...].Set", "Map[...]", "Set[...].init", "init.0"]
        );
        assert_eq!(names(&functions, None), ["Set", "Set#2", "Map", "init.0", "init.1"]);
    }

    #[test]
    fn names_are_unlike_even_where_one_looks_numbered() {
        let units: Vec<[Unit; 1]> = (1..=4).map(|line| [unit(line, 5, line, 9)]).collect();
        let shown = |all: [&str; 4]| {
            let functions: Vec<Function<'_>> =
                all.iter().zip(&units).map(|(name, units)| function(name, units, &[1])).collect();
            names(&functions, None)
        };
        assert_eq!(shown(["F", "F", "F#2", "F"]), ["F", "F#2", "F#2#2", "F#3"]);
        assert_eq!(shown(["F#2", "F", "F", "F"]), ["F#2", "F", "F#3", "F#4"]);
    }

    #[test]
    fn a_function_that_builds_saw_differently_is_one() {
        let old = [unit(1, 10, 4, 2), unit(2, 3, 3, 4)];
        let new = [unit(2, 2, 4, 1)];
        let functions = [function("f", &old, &[2, 9]), function("f", &new, &[3])];
        assert_eq!(named(&functions, None), [("f".into(), 5, vec![1, 2, 3])]);
    }

    #[test]
    fn a_function_has_its_place_and_its_statements() {
        let source = "// f does.\nfunc f() {\n\tg()\n\tif x {\n\t\tg()\n\t}\n}\nvar h = func() {\n\tg()\n}\n";
        let of_f = [unit(3, 2, 4, 7), unit(5, 3, 6, 1)];
        let of_h = [unit(9, 2, 10, 1)];
        // Another build that knows the first unit only.
        let functions = [
            function("f", &of_f, &[1, 0]),
            function("f", &of_f[..1], &[0]),
            function("func.L8.C9", &of_h, &[0]),
        ];
        let text = SourceText::new(source.into());
        let declared = declarations(&text);
        let units = functions.iter().flat_map(|function| function.units.iter().copied());
        let rule = LineRule::with_source(&text, units).unwrap();
        let places = |source| -> Vec<_> {
            let collected = collect(CounterMode::Count, &functions, &rule, source);
            let shown = |f: Unnamed| (f.start_line, f.end_line, f.statements.covered, f.statements.total);
            collected.into_iter().map(shown).collect()
        };
        assert_eq!(places(Some((&text, &declared))), [(2, 7, 1, 2), (8, 10, 0, 1)]);
        assert_eq!(places(None), [(3, 6, 1, 2), (8, 10, 0, 1)]);
    }

    #[test]
    fn methods_have_the_places_of_their_declarations() {
        let source = "func (t *T) M(\n\ta int,\n) {\n\n\tf()\n\n}\nfunc (t T) N(\n\ta int,\n) {\n\n\tf()\n\n}\n\
                      func (p *Pair[K]) Set(\n\ta int,\n) {\n\n\tf()\n\n}\n";
        // As Go 1.26 and as Go 1.27 have it: from the brace, and from the first statement.
        for units in [
            [[unit(3, 3, 7, 2)], [unit(10, 3, 14, 2)], [unit(17, 3, 21, 2)]],
            [[unit(5, 2, 5, 5)], [unit(12, 2, 12, 5)], [unit(19, 2, 19, 5)]],
        ] {
            let functions: Vec<Function<'_>> = ["*T.M", "T.N", "Set"]
                .into_iter()
                .zip(&units)
                .map(|(name, units)| function(name, units, &[1]))
                .collect();
            let text = SourceText::new(source.into());
            let declared = declarations(&text);
            let units = functions.iter().flat_map(|function| function.units.iter().copied());
            let rule = LineRule::with_source(&text, units).unwrap();
            let collected = collect(CounterMode::Count, &functions, &rule, Some((&text, &declared)));
            let places: Vec<_> = collected.into_iter().map(|f| (f.start_line, f.end_line)).collect();
            assert_eq!(places, [(1, 7), (8, 14), (15, 21)]);
        }
    }

    #[test]
    fn hits_are_those_of_the_first_unit() {
        let units = [unit(1, 10, 4, 2), unit(2, 3, 3, 4)];
        assert_eq!(named(&[function("f", &units, &[2, 9])], None), [("f".into(), 2, vec![1, 2, 3])]);
    }

    #[test]
    fn no_name_can_forge_a_record() {
        let units = [unit(1, 1, 1, 9)];
        assert_eq!(names(&[function("a,b\nDA:1,1", &units, &[1])], None), ["a_b_DA:1_1"]);
    }

    #[test]
    fn functions_without_units_are_left_out() {
        assert_eq!(names(&[function("f", &[], &[])], None), Vec::<String>::new());
    }
}
