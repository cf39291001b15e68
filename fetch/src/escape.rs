//! Text that others wrote, made fit for a terminal and for one line: no control byte passes, nothing grows without bound.

/// The longest text taken over from outside, in characters.
const LONGEST: usize = 2000;

/// Escapes everything that could move a cursor, recolour, reorder or break a line, and shortens what is too long.
///
/// Runs of white space, line ends included, become one space.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    let mut characters = 0;
    let mut space = false;
    for character in text.trim().chars() {
        if character.is_whitespace() {
            space = true;
            continue;
        }
        if characters >= LONGEST {
            line.push('…');
            break;
        }
        if space {
            line.push(' ');
            space = false;
        }
        characters += 1;
        if character.is_control() || reorders(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// As [`one_line`], for bytes of any encoding.
pub fn one_line_bytes(bytes: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(bytes))
}

/// Characters that are invisible or turn the direction of writing, and so can make a line read as another one.
fn reorders(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_passes() {
        assert_eq!(one_line("plain text"), "plain text");
        assert_eq!(one_line("a\x1b[31mred\x07"), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(one_line("two\r\nlines\n"), "two lines");
        assert_eq!(one_line("c1 \u{9b}31m"), "c1 \\u{9b}31m");
        assert_eq!(one_line("evil\u{202e}txt"), "evil\\u{202e}txt");
        assert_eq!(one_line_bytes(b"\xff\x00ok"), "\u{fffd}\\u{0}ok");
    }

    #[test]
    fn long_text_is_shortened() {
        let line = one_line(&"x".repeat(1_000_000));
        assert!(line.ends_with('…') && line.chars().count() == LONGEST + 1, "{}", line.len());
    }
}
