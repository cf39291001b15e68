//! Field selectors: `metadata.name=web-1,status.phase!=Running`.
//!
//! Grammar, escapes and messages from k8s.io/apimachinery pkg/fields/selector.go (`parseSelector`, `UnescapeValue`);
//! the fields from kubernetes pkg/apis/core/v1/conversion.go and pkg/registry/core/pod/strategy.go
//! (`ToSelectableFields`).

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

/// The fields by which objects of a resource can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fields {
    /// Those of pods.
    Pod,
    /// Name and namespace, which every object has (k8s.io/apimachinery pkg/runtime/conversion.go,
    /// `DefaultMetaV1FieldSelectorConversion`).
    #[default]
    Meta,
}

impl Fields {
    fn known(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Pod => &POD_FIELDS,
            Self::Meta => &POD_FIELDS[..2],
        }
    }

    /// A selectable field of an object.
    pub(crate) fn value(self, object: &Value, field: &str) -> Option<String> {
        let (_, pointer) = self.known().iter().find(|(name, _)| *name == field)?;
        match object.pointer(pointer) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            _ if field == "spec.hostNetwork" => Some("false".into()),
            _ => None,
        }
    }

    fn refusal(self, field: &str) -> String {
        match self {
            Self::Pod => format!("field label not supported: {field}"),
            Self::Meta => {
                let known = "known field selector: only \"metadata.name\", \"metadata.namespace\"";
                format!("{field:?} is not a {known}")
            }
        }
    }
}

impl FieldSelector {
    /// Reads a selector; the error is the message of the API server's 400.
    pub(crate) fn parse(text: &str, fields: Fields) -> Result<Self, String> {
        let mut selector = Self::parse_any(text)?;
        for term in &mut selector.0 {
            match term.field.as_str() {
                // From the time before v1.
                "spec.host" if fields == Fields::Pod => term.field = "spec.nodeName".into(),
                // Accepted, and then found to be in no pod.
                "status.podIPs" if fields == Fields::Pod => {}
                field if fields.known().iter().any(|(name, _)| *name == field) => {}
                field => return Err(fields.refusal(field)),
            }
        }
        Ok(selector)
    }

    /// Reads a selector of any fields.
    pub(super) fn parse_any(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        // The server sorts the terms, which shows in the error if several are wrong.
        let mut parts = split_terms(text);
        parts.sort_unstable();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let (field, operator, value) = split_term(part)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{part}'"))?;
            let value = unescape(value)?;
            // Nothing on either side asks for nothing, whatever the operator.
            if !(field.is_empty() && value.is_empty()) {
                terms.push(Term { field: field.into(), equal: operator != "!=", value });
            }
        }
        Ok(Self(terms))
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the fields meet all terms; a field that is not there is the empty text.
    pub(crate) fn matches(&self, field: impl Fn(&str) -> Option<String>) -> bool {
        self.0.iter().all(|term| (field(&term.field).unwrap_or_default() == term.value) == term.equal)
    }
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
