//! Lists: selectors, and pages by `limit` and `continue`.
//!
//! The paging is that of k8s.io/apiserver pkg/storage/continue.go: a token names the resource version of the first
//! page and the key to go on from; all pages show the state of that version; `remainingItemCount` is set only where no
//! selector was given; a token whose version is gone is a 410.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::status::{Failure, Status};
use crate::resource::Resource;
use crate::selector::{FieldSelector, Fields, LabelSelector};
use crate::state::State;

/// The message of an expired token: k8s.io/apiserver pkg/storage/etcd3/errors.go, `inconsistentContinue`.
const EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can start a \
    new list without the continue parameter, or use the continue token in this response to retrieve the remainder of \
    the results. Continuing with the provided token results in an inconsistent list - objects that were created, \
    modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// The version of the form of continue tokens.
const VERSION: &str = "meta.k8s.io/v1";

/// What a list request asks for.
#[derive(Debug, Default)]
struct Options {
    labels: LabelSelector,
    fields: FieldSelector,
    /// What `fields` may name.
    selectable: Fields,
    /// Objects on a page; 0 for all.
    limit: usize,
    token: Option<Token>,
}

/// The contents of a continue token.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Token {
    #[serde(rename = "v")]
    version: String,
    /// -1 means: from the newest state.
    #[serde(rename = "rv")]
    resource_version: i64,
    /// `namespace/name` of the last object seen and a zero byte.
    start: String,
}

/// The objects of a namespace, or of all if it is empty.
pub(super) fn objects(
    state: &State,
    resource: &'static Resource,
    namespace: &str,
    query: &str,
) -> Result<Value, Failure> {
    let options = Options::parse(query, resource.fields).map_err(Status::bad_request)?;
    let mut inner = state.lock();

    let (version, snapshot) = match &options.token {
        Some(token) if token.resource_version > 0 => {
            let version = token.resource_version.unsigned_abs();
            let gone = || {
                let newest =
                    Token { version: VERSION.into(), resource_version: -1, start: token.start.clone() };
                Status::expired(EXPIRED, newest.encode())
            };
            (version, inner.snapshots.get(&(resource.plural, version)).cloned().ok_or_else(gone)?)
        }
        _ => {
            let mut objects = inner.objects_of(resource);
            // The storage sorts by the whole key, in which `a-b/x` comes before `a/x`.
            objects.sort_by_key(key_of);
            (inner.resource_version, Arc::new(objects))
        }
    };
    let within = |object: &&Value| namespace.is_empty() || object["metadata"]["namespace"] == namespace;
    let after = |object: &&Value| options.token.as_ref().is_none_or(|token| key_of(object) >= token.start);
    let candidates: Vec<&Value> = snapshot.iter().filter(within).filter(after).collect();
    let selected: Vec<&Value> = candidates.into_iter().filter(|object| options.selects(object)).collect();

    if resource.plural == "pods" {
        // The page that this is, for faults: by how many pods lie before its first one.
        let all = snapshot.iter().filter(within).filter(|pod| options.selects(pod)).count();
        let page = if options.limit == 0 { 1 } else { 1 + (all - selected.len()).div_ceil(options.limit) };
        let planned = inner.list_faults.iter_mut().filter(|fault| usize::try_from(fault.page) == Ok(page));
        for fault in planned {
            if fault.times.take() {
                return Err(fault.failure.clone());
            }
        }
    }

    let mut metadata = json!({"resourceVersion": version.to_string()});
    let shown = if options.limit == 0 { selected.len() } else { options.limit.min(selected.len()) };
    if shown < selected.len() {
        let start = format!("{}\0", key_of(selected[shown - 1]));
        let resource_version = i64::try_from(version).unwrap_or(i64::MAX);
        let token = Token { version: VERSION.into(), resource_version, start };
        metadata["continue"] = token.encode().into();
        if options.labels.is_empty() && options.fields.is_empty() {
            metadata["remainingItemCount"] = (selected.len() - shown).into();
        }
        inner.snapshots.insert((resource.plural, version), Arc::clone(&snapshot));
    }
    // An item of a list does not repeat its kind.
    let items: Vec<Value> = selected[..shown]
        .iter()
        .map(|object| {
            let mut item = (*object).clone();
            if let Some(fields) = item.as_object_mut() {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            item
        })
        .collect();
    Ok(json!({
        "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(), "metadata": metadata,
        "items": items,
    }))
}

fn key_of(object: &Value) -> String {
    let part = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", part("/metadata/namespace"), part("/metadata/name"))
}

impl Options {
    fn parse(query: &str, selectable: Fields) -> Result<Self, String> {
        let mut options = Self { selectable, ..Self::default() };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "labelSelector" => options.labels = LabelSelector::parse(&value)?,
                "fieldSelector" => options.fields = FieldSelector::parse(&value, selectable)?,
                "limit" => {
                    let limit: i64 = value
                        .parse()
                        .map_err(|_| format!("strconv.ParseInt: parsing {value:?}: invalid syntax"))?;
                    // The server takes a limit below one for no limit.
                    options.limit = usize::try_from(limit).unwrap_or(0);
                }
                "continue" if !value.is_empty() => options.token = Some(Token::decode(&value)?),
                "watch" if matches!(&*value, "1" | "true") => {
                    return Err("this cluster does not model watches".into());
                }
                _ => {}
            }
        }
        Ok(options)
    }

    fn selects(&self, object: &Value) -> bool {
        let labels = object["metadata"]["labels"].as_object().map_or_else(Default::default, |labels| {
            labels.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        });
        self.labels.matches(&labels) && self.fields.matches(|field| self.selectable.value(object, field))
    }
}

impl Token {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(text: &str) -> Result<Self, String> {
        let invalid = |why: String| format!("invalid continue token: continue key is not valid: {why}");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| invalid(error.to_string()))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        if token.version != VERSION {
            return Err(invalid(format!("server does not recognize this encoded version {}", token.version)));
        }
        if token.resource_version == 0 {
            return Err(invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)".into()));
        }
        if token.start.is_empty() {
            return Err(invalid("encoded start key empty (version meta.k8s.io/v1)".into()));
        }
        Ok(token)
    }
}
