//! Field selectors of pods: `metadata.name=web-1,status.phase!=Running`.
//!
//! Grammar, escapes and messages from k8s.io/apimachinery pkg/fields/selector.go (`parseSelector`, `UnescapeValue`);
//! the fields from kubernetes pkg/apis/core/v1/conversion.go and pkg/registry/core/pod/strategy.go
//! (`ToSelectableFields`).

use std::collections::BTreeMap;

use serde_json::Value;

/// Terms that a pod's fields must all meet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(Vec<Term>);

#[derive(Debug, PartialEq, Eq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

/// The fields of a pod that can be selected by, with where each stands in the object.
const POD_FIELDS: [(&str, &str); 10] = [
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
    ("spec.nodeName", "/spec/nodeName"),
    ("spec.restartPolicy", "/spec/restartPolicy"),
    ("spec.schedulerName", "/spec/schedulerName"),
    ("spec.serviceAccountName", "/spec/serviceAccountName"),
    ("spec.hostNetwork", "/spec/hostNetwork"),
    ("status.phase", "/status/phase"),
    ("status.podIP", "/status/podIP"),
    ("status.nominatedNodeName", "/status/nominatedNodeName"),
];

impl FieldSelector {
    /// Reads a selector; the error is the message of the API server's 400.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for part in split_terms(text) {
            if part.is_empty() {
                continue;
            }
            let (field, operator, value) = split_term(part)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{part}'"))?;
            let field = if field == "spec.host" { "spec.nodeName" } else { field };
            // The server accepts status.podIPs and then finds no such field, which is the empty text.
            if field != "status.podIPs" && !POD_FIELDS.iter().any(|(name, _)| *name == field) {
                return Err(format!("field label not supported: {field}"));
            }
            terms.push(Term { field: field.into(), equal: operator != "!=", value: unescape(value)? });
        }
        Ok(Self(terms))
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, fields: &BTreeMap<&'static str, String>) -> bool {
        self.0.iter().all(|term| {
            let value = fields.get(term.field.as_str()).map_or("", String::as_str);
            (value == term.value) == term.equal
        })
    }
}

/// The selectable fields of a pod object.
pub(crate) fn pod_fields(pod: &Value) -> BTreeMap<&'static str, String> {
    POD_FIELDS
        .iter()
        .map(|(name, pointer)| {
            let value = match pod.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                _ if *name == "spec.hostNetwork" => "false".into(),
                _ => String::new(),
            };
            (*name, value)
        })
        .collect()
}

/// Splits at commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn split_term(term: &str) -> Option<(&str, &'static str, &str)> {
    term.char_indices().find_map(|(index, _)| {
        let rest = &term[index..];
        ["!=", "==", "="]
            .into_iter()
            .find_map(|operator| Some((&term[..index], operator, rest.strip_prefix(operator)?)))
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next @ ('\\' | ',' | '=')) => value.push(next),
                next => {
                    let sequence: String = std::iter::once('\\').chain(next).collect();
                    return Err(format!("invalid field selector: invalid escape sequence: {sequence}"));
                }
            },
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(c)
                ));
            }
            _ => value.push(c),
        }
    }
    Ok(value)
}
