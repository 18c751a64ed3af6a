//! The HTTP client with which identity providers are asked: for their keys, for what they offer, and who has signed in.

use std::time::Duration;

use reqwest::{Client, Response, Url};

/// Most bytes of an answer.
const MAX_BYTES: usize = 256 * 1024;
/// Longest time that an answer may take.
const TIME: Duration = Duration::from_secs(5);

/// A client for addresses like this one.
///
/// # Errors
/// When TLS can't be set up.
pub(super) fn client(url: &str) -> Result<Client, reqwest::Error> {
    let is_plain = url.starts_with("http:");
    // A redirect could lead to where anybody answers; a plain address is one of this machine, which no proxy reaches.
    let builder = Client::builder().timeout(TIME).https_only(!is_plain).redirect(reqwest::redirect::Policy::none());
    if is_plain { builder.no_proxy() } else { builder }.build()
}

/// What went wrong, without the URL, which may have a name and a password.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// The body of an answer.
///
/// # Errors
/// Why there is none.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(reason)? {
        if body.len() + part.len() > MAX_BYTES {
            return Err(format!("it answers more than {MAX_BYTES} bytes"));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// A form, as `application/x-www-form-urlencoded`.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    // The same encoding as that of a query, which `Url` has.
    let Ok(mut url) = Url::parse("http://form/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded() {
        assert_eq!(form(&[("a", "b c&d"), ("e", "é+")]), "a=b+c%26d&e=%C3%A9%2B");
    }
}
