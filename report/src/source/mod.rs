//! Go source as reports see it: which lines hold code, and what functions are called.

mod declarations;
mod directives;
mod scanner;
mod text;

pub use declarations::{Declaration, Receiver, declarations};
pub use directives::directed_files;
pub use scanner::{Scanner, Token, TokenKind};
pub use text::{CodeSpan, Mismatch, SourceText};
