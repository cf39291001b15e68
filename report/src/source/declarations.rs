//! The functions that a source file declares: name, receiver, type parameters, place.
//!
//! A reading of the token stream, not a parser: on source that compiles it finds every function declared at the
//! top level, on anything else it finds fewer or odd ones and never panics.

use super::scanner::{Token, TokenKind};
use super::text::SourceText;

/// A function declared at the top level of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Offset in bytes of the keyword `func`.
    pub start: u32,
    /// Offset in bytes behind the brace that closes the body; `start` if there is none.
    pub end: u32,
    /// The name behind `func` and the receiver.
    pub name: Vec<u8>,
    /// The receiver of a method.
    pub receiver: Option<Receiver>,
    /// Whether the function itself has type parameters.
    pub generic: bool,
}

/// The receiver of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Whether it is a pointer.
    pub pointer: bool,
    /// The name of its type, without type parameters.
    pub base: Vec<u8>,
    /// Whether the type has type parameters.
    pub generic: bool,
}

/// The functions declared in `text`, in order.
pub fn declarations(text: &SourceText) -> Vec<Declaration> {
    let mut found: Vec<Declaration> = Vec::new();
    let mut depth = 0_usize;
    let mut before: Option<Token> = None;
    for (index, token) in text.tokens().iter().enumerate() {
        match token.kind {
            TokenKind::OpenBrace => depth += 1,
            TokenKind::CloseBrace => {
                depth = depth.saturating_sub(1);
                // Behind a body the statement ends; behind the braces of a type in the signature it goes on.
                let next = text.tokens().get(index + 1);
                if depth == 0
                    && next
                        .is_none_or(|next| begins_statement(text, *token, *next) || text.text(*next) == b";")
                {
                    end_last(&mut found, token.end);
                }
            }
            // `func` at the top level is also a type or a literal, as in `var f func()`: what precedes it there
            // stands on the same line.
            TokenKind::Word
                if depth == 0
                    && text.text(*token) == b"func"
                    && before.is_none_or(|before| begins_statement(text, before, *token)) =>
            {
                let rest = text.tokens().get(index + 1..).unwrap_or_default();
                found.extend(declaration(text, token.start, rest));
            }
            _ => {}
        }
        before = Some(*token);
    }
    found
}

/// The body of the last function ends here, if it has not ended before.
fn end_last(found: &mut [Declaration], end: u32) {
    if let Some(last) = found.last_mut().filter(|last| last.end == last.start) {
        last.end = end;
    }
}

fn begins_statement(text: &SourceText, before: Token, token: Token) -> bool {
    text.text(before) == b";" || text.line_of(before.end) < text.line_of(token.start)
}

fn declaration(text: &SourceText, start: u32, tokens: &[Token]) -> Option<Declaration> {
    let (receiver, rest) = match tokens.split_first() {
        Some((open, rest)) if text.text(*open) == b"(" => {
            let length = closing(text, rest)?;
            let (inside, behind) = rest.split_at_checked(length)?;
            (Some(receiver(text, inside)?), behind.get(1..)?)
        }
        _ => (None, tokens),
    };
    let (name, rest) = rest.split_first()?;
    if name.kind != TokenKind::Word {
        return None;
    }
    let generic = match text.text(*rest.first()?) {
        b"[" => true,
        b"(" => false,
        _ => return None,
    };
    Some(Declaration { start, end: start, name: text.text(*name).to_vec(), receiver, generic })
}

/// Index of the parenthesis that closes a list opened just before `tokens`.
fn closing(text: &SourceText, tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match text.text(*token) {
            b"(" => depth += 1,
            b")" if depth == 0 => return Some(index),
            b")" => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Reads `name *Base[Params]`, in which everything but the base may be missing.
fn receiver(text: &SourceText, tokens: &[Token]) -> Option<Receiver> {
    let bracket = tokens.iter().position(|token| text.text(*token) == b"[");
    let front = tokens.get(..bracket.unwrap_or(tokens.len()))?;
    let base = front.iter().rev().find(|token| token.kind == TokenKind::Word)?;
    Some(Receiver {
        pointer: front.iter().any(|token| text.text(*token) == b"*"),
        base: text.text(*base).to_vec(),
        generic: bracket.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_ends_with_its_body() {
        let source = "func f(a struct{ b int }) struct{} {\n\tif x {\n\t}\n}\ntype T struct{}\nfunc g()\nfunc h() {}; var y = T{}\n";
        let text = SourceText::new(source.into());
        let ends: Vec<&str> =
            declarations(&text).iter().map(|d| &source[d.start as usize..d.end as usize]).collect();
        assert_eq!(ends, [&source[..source.find("type").unwrap() - 1], "", "func h() {}"]);
    }

    fn found(source: &str) -> Vec<String> {
        let text = SourceText::new(source.into());
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        declarations(&text)
            .iter()
            .map(|d| {
                let receiver = d.receiver.as_ref().map_or(String::new(), |r| {
                    format!(
                        "{}{}{} ",
                        if r.pointer { "*" } else { "" },
                        show(&r.base),
                        if r.generic { "[]" } else { "" }
                    )
                });
                format!("{}: {receiver}{}{}", d.start, show(&d.name), if d.generic { "[]" } else { "" })
            })
            .collect()
    }

    #[test]
    fn functions_and_methods_are_found() {
        assert_eq!(
            found("func a() {}\nfunc (s *S) b(x int) {}\nfunc (T) c() {}"),
            ["0: a", "12: *S b", "36: T c"]
        );
    }

    #[test]
    fn type_parameters_are_seen() {
        assert_eq!(
            found("func Map[K, V any](m M[K]) {}; func (p *Pair[K, V]) Set() {}; func (Pair[_, _]) Get() {}"),
            ["0: Map[]", "31: *Pair[] Set", "62: Pair[] Get"]
        );
    }

    #[test]
    fn literals_types_and_bodies_are_no_declarations() {
        assert_eq!(
            found(
                "var f = func() {}\nvar g func(int) string\nfunc h() { func() {}() }\ntype T struct { f func() }"
            ),
            ["41: h"]
        );
        assert_eq!(found("var f func(int) string\nvar g func(func()) (int)"), Vec::<String>::new());
    }

    #[test]
    fn broken_source_is_survived() {
        for source in ["func", "func (", "func (a", "func ()", "func () {", "func a", "}}}func b()"] {
            let _ = found(source);
        }
        assert_eq!(found("}}}; func b() {}"), ["5: b"]);
    }
}
