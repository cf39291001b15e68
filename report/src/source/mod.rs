//! Go source as reports see it: which lines hold code, and what functions are called.

mod blocks;
mod brackets;
mod comments;
mod declarations;
mod directed;
mod directives;
mod line_map;
mod marks;
mod scanner;
mod text;

pub use blocks::{Drawing, FunctionBlocks, SourceBlocks};
pub use comments::{Comment, comments, is_generated, may_be_generated};
pub use declarations::{Declaration, Receiver, declarations};
pub use directed::{DirectedFunction, DirectedSource, TakenPlaces};
pub use directives::directed_files;
pub use marks::{Mark, Means, marks, may_hold_marks};
pub use scanner::{Scanner, Token, TokenKind};
pub use text::{CodeSpan, Mismatch, SourceText};
