//! Any bytes as a Go source file.

use covfmt::unit::Unit;
use covreport::source::{
    Drawing, SourceBlocks, SourceText, comments, declarations, directed_files, is_generated, marks,
    may_be_generated, may_hold_marks,
};

/// The scanner and all that is built on it. Offsets stay within the file and in order.
pub(crate) fn scanner(data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap();
    let text = SourceText::new(data.to_vec());
    let mut end = 0;
    for token in text.tokens() {
        assert!(end <= token.start && token.start < token.end && token.end <= length, "{token:?}");
        assert_eq!(text.text(*token).len(), (token.end - token.start) as usize);
        end = token.end;
    }
    let mut end = 0;
    for comment in comments(&text) {
        assert!(end <= comment.start && comment.start < comment.end && comment.end <= length, "{comment:?}");
        assert!(comment.lines(&text).count() > 0);
        end = comment.end;
    }
    for declaration in declarations(&text) {
        assert!(declaration.start <= declaration.end && declaration.end <= length, "{declaration:?}");
    }
    if is_generated(&text) {
        assert!(may_be_generated(data));
    }
    let lines = text.line_count();
    let found = marks(&text);
    assert!(found.is_empty() || may_hold_marks(data));
    assert!(found.iter().all(|mark| (1..=lines).contains(&mark.line)), "{found:?}");
    assert!(directed_files(data).all(|name| name.len() <= data.len()));
    if let Some(blocks) = SourceBlocks::new(&text) {
        for function in blocks.functions() {
            assert!(function.start() < length);
            for drawing in [Drawing::Blocks, Drawing::PartsCountedAsWholes, Drawing::Parts] {
                for (start, end, _) in function.ranges(&text, drawing) {
                    assert!(start <= length && end <= length, "{start} {end}");
                }
                function.units(&text, drawing).iter().for_each(|unit| look_up(&text, unit));
            }
        }
    }
    // Places that have nothing to do with the file.
    for bytes in data.chunks_exact(5).take(16) {
        let [start_line, start_column, end_line, end_column, statements] =
            [0, 1, 2, 3, 4].map(|index| u32::from(bytes[index]));
        look_up(&text, &Unit { start_line, end_line, start_column, end_column, statements });
    }
}

fn look_up(text: &SourceText, unit: &Unit) {
    let (checked, code) = (text.check(unit), text.code_of(unit));
    if let Ok(spans) = &code {
        let lines = text.line_count();
        // An empty line in a raw string is code without bytes.
        assert!(
            spans.iter().all(|span| span.from <= span.to && (1..=lines).contains(&span.line)),
            "{spans:?}"
        );
    }
    if checked.is_ok() {
        assert!(code.is_ok(), "{unit:?} is right, but {code:?}");
    }
    if let Ok((start, end)) = text.range_of(unit) {
        assert!(start as usize <= text.bytes().len() && end as usize <= text.bytes().len());
    }
    let _ = text.starts_token(unit);
}
