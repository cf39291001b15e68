//! The two rules that names of Kubernetes' objects follow. What passes holds no separator, no control character and no
//! leading hyphen.

/// RFC 1123 label as Kubernetes checks it: at most 63 lower-case letters, digits and inner hyphens.
pub fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_label_text(name)
}

/// RFC 1123 subdomain: labels joined by dots, 253 characters at most.
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label_text)
}

fn is_label_text(label: &str) -> bool {
    let bytes = label.as_bytes();
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bounded() {
        assert!(is_dns_label(&"a".repeat(63)));
        assert!(!is_dns_label(&"a".repeat(64)));
        let longest = format!("{}.{}", "a".repeat(126), "a".repeat(126));
        assert!(is_dns_subdomain(&longest));
        assert!(!is_dns_subdomain(&format!("{longest}a")));
    }

    #[test]
    fn a_dot_parts_labels_of_a_subdomain_only() {
        assert!(is_dns_subdomain("web-0.shop"));
        assert!(!is_dns_label("web-0.shop"));
        for bad in ["", "a..b", "-a", "a-", "A", "a\n", "a/b"] {
            assert!(!is_dns_subdomain(bad), "{bad:?}");
        }
    }
}
