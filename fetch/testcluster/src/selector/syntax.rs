//! Which label keys and values are valid, in the words of k8s.io/apimachinery pkg/api/validate/content (`IsLabelKey`,
//! `IsLabelValue`) and pkg/util/validation/field (`Error`).

const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Bytes in a name or a value at most.
const MAX_NAME: usize = 63;
/// Bytes in a key's prefix at most.
const MAX_PREFIX: usize = 253;

/// Checks a key of a requirement; the error is a whole field error.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    let mut rules = Vec::new();
    let parts: Vec<&str> = key.split('/').collect();
    let name = match parts[..] {
        [name] => Some(name),
        [prefix, name] => {
            if prefix.is_empty() {
                rules.push("prefix part must be non-empty".to_owned());
            } else {
                if prefix.len() > MAX_PREFIX {
                    rules.push(format!("prefix part must be no more than {MAX_PREFIX} bytes"));
                }
                if !prefix.split('.').all(is_dns_label) {
                    rules.push(format!("prefix part {SUBDOMAIN_RULE}"));
                }
            }
            Some(name)
        }
        _ => None,
    };
    match name {
        None => rules.push(format!(
            "a valid label key {NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        )),
        Some(name) => {
            if name.is_empty() {
                rules.push("name part must be non-empty".into());
            } else if name.len() > MAX_NAME {
                rules.push(format!("name part must be no more than {MAX_NAME} bytes"));
            }
            if !is_name(name) {
                rules.push(format!("name part {NAME_RULE}"));
            }
        }
    }
    if rules.is_empty() {
        Ok(())
    } else {
        Err(format!("<nil>: Invalid value: {key:?}: {}", rules.join("; ")))
    }
}

/// What is wrong with the value number `index` of a requirement on `key`, as a whole field error.
pub(super) fn value_error(key: &str, index: usize, value: &str) -> Option<String> {
    let mut rules = Vec::new();
    if value.len() > MAX_NAME {
        rules.push(format!("must be no more than {MAX_NAME} bytes"));
    }
    if !value.is_empty() && !is_name(value) {
        rules.push(VALUE_RULE.into());
    }
    (!rules.is_empty())
        .then(|| format!("values[{index}][{key}]: Invalid value: {value:?}: {}", rules.join("; ")))
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    has_alphanumeric_ends(text) && text.bytes().all(allowed)
}

fn is_dns_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    has_alphanumeric_ends(text) && text.bytes().all(allowed)
}

fn has_alphanumeric_ends(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    alphanumeric(text.as_bytes().first()) && alphanumeric(text.as_bytes().last())
}
