//! A scanner for Go source: every byte sequence gives tokens, in linear time, without panic.
//!
//! It finds the same tokens at the same places as `go/scanner` does on source that compiles (Go specification,
//! "Lexical elements"), and something harmless on anything else. Semicolons that the compiler inserts are no
//! bytes of the source and are not reported.

/// What a token is, as far as reports need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An identifier or keyword.
    Word,
    /// A number, rune or string.
    Literal,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// Any other operator or punctuation, or a byte that is no Go at all.
    Operator,
}

/// A token: the half-open byte range `[start, end)` of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte; greater than `start`.
    pub end: u32,
}

/// The tokens of a Go source file, in order.
///
/// Sources of 4 GiB and more are cut there: offsets are 32 bits wide.
#[derive(Debug, Clone)]
pub struct Scanner<'s> {
    source: &'s [u8],
    position: usize,
}

/// Operators of more than one byte, longest first, so that the first that fits is the token.
const OPERATORS: [&[u8]; 25] = [
    b"<<=", b">>=", b"&^=", b"...", b"<<", b">>", b"&^", b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=",
    b"^=", b"&&", b"||", b"<-", b"++", b"--", b"==", b"!=", b"<=", b">=", b":=",
];

impl<'s> Scanner<'s> {
    /// A scanner at the start of `source`. A byte order mark there is skipped.
    pub fn new(source: &'s [u8]) -> Self {
        let limit = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        let source = source.get(..limit).unwrap_or(source);
        let position = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { source, position }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.position.checked_add(ahead)?).copied()
    }

    fn skip_while(&mut self, accept: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&accept) {
            self.position += 1;
        }
    }

    /// Skips white space and comments. A comment that does not end takes the rest of the source.
    fn skip_blank(&mut self) {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'/')) => self.skip_while(|byte| byte != b'\n'),
                (Some(b'/'), Some(b'*')) => {
                    self.position += 2;
                    while self.position < self.source.len()
                        && (self.peek(0), self.peek(1)) != (Some(b'*'), Some(b'/'))
                    {
                        self.position += 1;
                    }
                    self.position = (self.position + 2).min(self.source.len());
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> TokenKind {
        self.skip_while(is_word);
        TokenKind::Word
    }

    fn raw_string(&mut self) -> TokenKind {
        self.position += 1;
        self.skip_while(|byte| byte != b'`');
        self.position = (self.position + 1).min(self.source.len());
        TokenKind::Literal
    }

    /// A string or rune. One that does not end stops before the line's end, as in `go/scanner`.
    fn quoted(&mut self, quote: u8) -> TokenKind {
        self.position += 1;
        while let Some(byte) = self.peek(0) {
            if byte == b'\n' {
                break;
            }
            self.position += 1;
            if byte == quote {
                break;
            }
            if byte == b'\\' && self.peek(0).is_some_and(|escaped| escaped != b'\n') {
                self.position += 1;
            }
        }
        TokenKind::Literal
    }

    fn number(&mut self) -> TokenKind {
        let mut hexadecimal = false;
        if self.peek(0) == Some(b'0') {
            self.position += 1;
            if let Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B') = self.peek(0) {
                hexadecimal = matches!(self.peek(0), Some(b'x' | b'X'));
                self.position += 1;
            }
        }
        let digit = move |byte: u8| {
            byte == b'_' || byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit())
        };
        self.skip_while(digit);
        if self.peek(0) == Some(b'.') {
            self.position += 1;
            self.skip_while(digit);
        }
        if matches!(self.peek(0), Some(b'e' | b'E' | b'p' | b'P')) {
            self.position += 1;
            if matches!(self.peek(0), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.skip_while(|byte| byte == b'_' || byte.is_ascii_digit());
        }
        if self.peek(0) == Some(b'i') {
            self.position += 1;
        }
        TokenKind::Literal
    }

    fn operator(&mut self) -> TokenKind {
        let rest = self.source.get(self.position..).unwrap_or_default();
        let length = OPERATORS.iter().find(|operator| rest.starts_with(operator)).map_or(1, |o| o.len());
        self.position += length;
        match rest.first() {
            Some(b'{') => TokenKind::OpenBrace,
            Some(b'}') => TokenKind::CloseBrace,
            _ => TokenKind::Operator,
        }
    }
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.position;
        let kind = match (self.peek(0)?, self.peek(1)) {
            (b'0'..=b'9', _) | (b'.', Some(b'0'..=b'9')) => self.number(),
            (b'`', _) => self.raw_string(),
            (quote @ (b'"' | b'\''), _) => self.quoted(quote),
            (byte, _) if is_word(byte) => self.word(),
            _ => self.operator(),
        };
        Some(Token { kind, start: u32::try_from(start).ok()?, end: u32::try_from(self.position).ok()? })
    }
}

/// Whether a byte belongs to identifiers. Outside strings and comments, source that compiles has bytes beyond
/// ASCII in identifiers only.
fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(source: &str) -> Vec<&str> {
        Scanner::new(source.as_bytes()).map(|t| &source[t.start as usize..t.end as usize]).collect()
    }

    #[test]
    fn comments_and_white_space_are_no_tokens() {
        assert_eq!(texts("a /* b\n c */ d // e\n\tf\r\n"), ["a", "d", "f"]);
        assert_eq!(texts("a / b //"), ["a", "/", "b"]);
        assert_eq!(texts("a /* never closed"), ["a"]);
        assert_eq!(texts("/*/ still in */ a"), ["a"]);
    }

    #[test]
    fn strings_hide_what_is_in_them() {
        assert_eq!(texts(r#"x := "a // \" {" + `b\"#), ["x", ":=", r#""a // \" {""#, "+", r"`b\"]);
        assert_eq!(texts("`a\n{\n` }"), ["`a\n{\n`", "}"]);
        assert_eq!(texts(r"'\'' '{' '\\'"), [r"'\''", "'{'", r"'\\'"]);
        assert_eq!(texts("\"open\nnext"), ["\"open", "next"]);
        assert_eq!(texts("\"open\\\nnext"), ["\"open\\", "next"]);
    }

    #[test]
    fn numbers_are_one_token_each() {
        for number in [
            "0", "1_000", "0x1F", "0b1010", "0o17", "017", "1.5e+10", ".5", "1.", "0x1p-2", "0x_1.8p3", "3i",
            "1e3",
        ] {
            assert_eq!(texts(number), [number]);
        }
        assert_eq!(texts("0x1e+2"), ["0x1e", "+", "2"]);
        assert_eq!(texts("a[1:.5]...)"), ["a", "[", "1", ":", ".5", "]", "...", ")"]);
    }

    #[test]
    fn operators_are_as_long_as_they_can_be() {
        assert_eq!(
            texts("a<<=b&^=c&^d<-e...f!=g~h:=i++ +j"),
            [
                "a", "<<=", "b", "&^=", "c", "&^", "d", "<-", "e", "...", "f", "!=", "g", "~", "h", ":=",
                "i", "++", "+", "j"
            ]
        );
    }

    #[test]
    fn braces_are_told_apart() {
        let kinds: Vec<TokenKind> = Scanner::new(b"{x}(").map(|t| t.kind).collect();
        assert_eq!(
            kinds,
            [TokenKind::OpenBrace, TokenKind::Word, TokenKind::CloseBrace, TokenKind::Operator]
        );
    }

    #[test]
    fn identifiers_may_hold_any_letter() {
        assert_eq!(texts("\u{feff}größe := π1"), ["größe", ":=", "π1"]);
    }

    proptest! {
        #[test]
        fn tokens_are_in_order_and_not_empty(source in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut end = 0;
            for token in Scanner::new(&source) {
                prop_assert!(token.start >= end && token.end > token.start);
                prop_assert!(token.end as usize <= source.len());
                end = token.end;
            }
        }

        #[test]
        fn go_like_soup_is_scanned(source in "[a\"'`/*\\\\{}\n0.x+ ]{0,80}") {
            let mut end = 0;
            for token in Scanner::new(source.as_bytes()) {
                prop_assert!(token.start >= end && token.end > token.start);
                end = token.end;
            }
        }
    }
}
