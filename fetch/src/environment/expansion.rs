//! `$(NAME)` and `$$`, as Kubernetes' `third_party/forked/golang/expansion` replaces them.

use super::Value;

/// Replaces `$(NAME)` by the variable's value and `$$` by `$`; any other `$` stands for itself. A result longer than
/// `longest` bytes is given up.
pub(super) fn expand(text: &str, longest: usize, lookup: impl Fn(&str) -> Value) -> Value {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            expanded.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|tail| tail.split_once(')')) {
            match lookup(name) {
                Value::Known(value) => expanded.push_str(&value),
                Value::Unset => {}
                unknown => return unknown,
            }
            rest = tail;
        } else {
            expanded.push('$');
            rest = after;
        }
        if expanded.len() > longest {
            return Value::Elsewhere(format!("variables that make up more than {longest} bytes"));
        }
    }
    expanded.push_str(rest);
    Value::Known(expanded)
}
