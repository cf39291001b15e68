//! The requests that a cluster has answered, for asserts.

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, percent-decoding not applied.
    pub path: String,
    /// The query as sent, without the question mark; empty for none.
    pub query: String,
    /// The HTTP status code of the answer; 101 for an accepted upgrade.
    pub code: u16,
}

impl LoggedRequest {
    /// The decoded values of a query parameter, in order.
    pub fn query_values(&self, key: &str) -> Vec<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(|(name, _)| name == key)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// The first decoded value of a query parameter.
    pub fn query_value(&self, key: &str) -> Option<String> {
        self.query_values(key).into_iter().next()
    }
}
