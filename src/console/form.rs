//! What a form or an address line holds, as pairs of texts.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Form, FromRequest, Request};

use crate::console::trouble::Trouble;

/// The fields of a form; of several with one name the last.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Fields(pairs.into_iter().collect())
    }

    /// A field that holds something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A field as it is, the empty text included.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that must be of a sort, where it is there at all.
    pub(super) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Trouble> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Trouble::Form { why: format!("{name} cannot be {text:?}") })
        };
        self.text(name).map(parse).transpose()
    }

    /// The fields whose names begin so, with the rest of their names.
    pub(super) fn beginning<'f>(&'f self, start: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value.as_str())))
    }
}

/// A form that was sent.
pub(super) struct Sent(pub(super) Fields);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        // Whoever has not signed in can send a form, too: a slow one must not hold a line.
        let form = Form::<Vec<(String, String)>>::from_request(request, state);
        let form = tokio::time::timeout(FORM_MAX, form).await;
        let form = form.map_err(|_| Trouble::Form { why: "it came too slowly".to_owned() })?;
        let Form(pairs) = form.map_err(|fault| Trouble::Form { why: fault.body_text() })?;
        Ok(Sent(Fields::new(pairs)))
    }
}

const FORM_MAX: Duration = Duration::from_secs(60);

/// A text as a part of an address.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(byte.into())
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// An address with a query of the pairs that hold something.
pub(super) fn address(path: &str, pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value).replace('/', "%2F")))
        .collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Where to go after signing in: a page of ours, never another host.
pub(super) fn own_path(wanted: Option<&str>) -> &str {
    let is_ours = |path: &&str| {
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t'])
    };
    wanted.filter(is_ours).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_any_text_and_nothing_of_what_is_empty() {
        let pairs = [("table", "a&b=c d/é".to_owned()), ("site", String::new())];
        assert_eq!(address("/conflicts", &pairs), "/conflicts?table=a%26b%3Dc%20d%2F%C3%A9");
        assert_eq!(address("/conflicts", &[]), "/conflicts");
    }

    #[test]
    fn nobody_is_sent_to_another_host() {
        assert_eq!(own_path(Some("/labs/lab-a?x=1")), "/labs/lab-a?x=1");
        for path in ["//enemy.example", "https://enemy.example", "/\\enemy.example", "", "labs"] {
            assert_eq!(own_path(Some(path)), "/", "{path}");
        }
        assert_eq!(own_path(None), "/");
    }
}
