//! Who may do what: tokens and client certificates, and verbs taken away from everyone.

/// The credentials a cluster accepts and the rights it withholds.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) tokens: Vec<String>,
    /// The client certificate that is accepted, DER.
    pub(crate) client_certificate: Option<Vec<u8>>,
    /// Verb, resource, and the namespace or all of them.
    pub(crate) denied: Vec<(String, String, Option<String>)>,
    /// In the same form; if there are any, nothing else is allowed.
    pub(crate) allowed: Option<Vec<(String, String, Option<String>)>>,
}

/// The name under which requests with a token are made.
pub(crate) const TOKEN_USER: &str = "system:serviceaccount:default:tester";
/// The common name of the client certificate.
pub(crate) const CERTIFICATE_USER: &str = "tester";
/// The user of a cluster that asks for no credentials.
const ANONYMOUS: &str = "system:anonymous";

impl Access {
    /// The user behind a request: a valid client certificate comes first, then the `Authorization` header. `None` if
    /// credentials are wrong, or missing where some are asked for.
    pub(crate) fn user(&self, certificate: bool, authorization: Option<&str>) -> Option<&'static str> {
        if certificate {
            return Some(CERTIFICATE_USER);
        }
        match authorization {
            None if self.tokens.is_empty() && self.client_certificate.is_none() => Some(ANONYMOUS),
            None => None,
            Some(header) => {
                let (scheme, token) = header.trim().split_once(' ')?;
                let known = self.tokens.iter().any(|known| known == token.trim());
                (scheme.eq_ignore_ascii_case("bearer") && known).then_some(TOKEN_USER)
            }
        }
    }

    /// Whether a verb on a resource is allowed in a namespace; `namespace` is empty for a request to all of them.
    pub(crate) fn allows(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        let covers = |(rule_verb, rule_resource, within): &(String, String, Option<String>)| {
            rule_verb == verb
                && rule_resource == resource
                && within.as_deref().is_none_or(|within| within == namespace)
        };
        !self.denied.iter().any(covers) && self.allowed.as_ref().is_none_or(|rules| rules.iter().any(covers))
    }
}
