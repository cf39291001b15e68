//! The brackets of a source file: which belong together, and which braces open blocks. A reading of the token stream, not a
//! parser: on source that compiles the answers are right but for rare values in headers, on any other harmless.

use super::scanner::{Token, TokenKind};
use super::text::SourceText;

/// The braces, brackets and parentheses of a file, by the positions of their tokens.
pub(super) struct Brackets<'s> {
    text: &'s SourceText,
    /// For each bracket the position of its partner.
    partners: Vec<Option<usize>>,
}

impl<'s> Brackets<'s> {
    pub(super) fn new(text: &'s SourceText) -> Self {
        Self { text, partners: partners(text.tokens(), text) }
    }

    /// The position of the bracket that belongs to the one at `index`.
    pub(super) fn partner(&self, index: usize) -> Option<usize> {
        self.partners.get(index).copied().flatten()
    }

    /// Whether the bracket at `index` is a brace that opens a block, and not one of a value such as `T{1}`: its statement has
    /// a keyword before it, or begins with it.
    pub(super) fn opens_block(&self, mut index: usize) -> bool {
        let tokens = self.text.tokens();
        if tokens.get(index).is_none_or(|token| token.kind != TokenKind::OpenBrace) {
            return false;
        }
        let (mut at, mut behind_comma, mut behind_colon) = (index, false, false);
        while let (Some(token), Some(last)) =
            (tokens.get(at), at.checked_sub(1).and_then(|last| tokens.get(last)))
        {
            let is_first = at == index;
            if self.text.line_of(last.end.saturating_sub(1)) < self.text.line_of(token.start)
                && self.ends_statement(*last)
            {
                return is_first;
            }
            match self.text.text(*last) {
                b"if" | b"for" | b"switch" | b"select" | b"else" => return true,
                // Of an earlier value in the list, else.
                b"func" => return !behind_comma,
                // Of a clause, but for a colon behind a key.
                b"case" | b"default" => return behind_colon,
                b";" if is_first => return true,
                b":" if is_first => behind_colon = true,
                // First in braces it is what these are.
                b"{" if is_first => index = at - 1,
                b"{" | b"(" | b"[" => return false,
                b"," => behind_comma = true,
                _ => {}
            }
            at = self.partner(at - 1).filter(|open| *open < at).unwrap_or(at - 1);
        }
        false
    }

    /// Whether a line end behind the token ends a statement. The Go specification, "Semicolons".
    fn ends_statement(&self, token: Token) -> bool {
        let text = self.text.text(token);
        match text {
            b")" | b"]" | b"}" | b"++" | b"--" | b";" => true,
            _ => text.first().is_some_and(|byte| {
                byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'_' | b'"' | b'`' | b'\'')
            }),
        }
    }
}

/// For each brace, bracket and parenthesis the index of its partner.
fn partners(tokens: &[Token], text: &SourceText) -> Vec<Option<usize>> {
    let mut partners = vec![None; tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match text.text(*token) {
            b"{" | b"(" | b"[" => open.push(index),
            b"}" | b")" | b"]" => {
                let Some(partner) = open.pop() else { continue };
                for (one, other) in [(partner, index), (index, partner)] {
                    if let Some(slot) = partners.get_mut(one) {
                        *slot = Some(other);
                    }
                }
            }
            _ => {}
        }
    }
    partners
}
