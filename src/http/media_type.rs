//! Media types in requests: of the body (`Content-Type`) and of the wanted response (`Accept`).

use actix_web::HttpRequest;
use actix_web::http::header;

/// Media types of NDJSON. None is registered, so each tool uses its own.
const ND_JSON: [&str; 5] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
];

/// The media type without its parameters.
fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// The media type of a request's body, in lower case and without parameters such as `charset`.
pub(super) fn content_type(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(essence(value).to_ascii_lowercase())
}

/// The entry of [`ND_JSON`] that equals this media type.
pub(super) fn nd_json(media_type: &str) -> Option<&'static str> {
    ND_JSON.into_iter().find(|name| name.eq_ignore_ascii_case(essence(media_type)))
}

/// The first NDJSON type that the request's `Accept` lists and does not refuse.
pub(super) fn accepted_nd_json(request: &HttpRequest) -> Option<&'static str> {
    let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter(|range| !is_refused(range)).find_map(nd_json)
}

/// Whether the request's `Accept` names HTML: that of a browser that looks for a page does.
pub(super) fn accepts_html(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(',')).filter(|range| !is_refused(range));
    ranges.any(|range| essence(range).eq_ignore_ascii_case("text/html"))
}

/// Whether a range of `Accept` refuses its type: its weight is 0.
fn is_refused(range: &str) -> bool {
    let mut parameters = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let weight = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weight.and_then(|(_, weight)| weight.trim().parse().ok()).is_some_and(|weight: f32| weight <= 0.0)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn lines_of_json_are_known_by_all_their_names_and_with_parameters() {
        for name in ND_JSON {
            for spelt in [name.to_owned(), name.to_uppercase(), format!(" {name} ; charset=utf-8")] {
                assert_eq!(nd_json(&spelt), Some(name), "{spelt:?}");
            }
        }
        for other in ["application/json", "application/jsonl2", "text/jsonl", "", "*/*"] {
            assert_eq!(nd_json(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_accept_asks_for_lines_under_the_first_name_that_it_does_not_refuse() {
        let accepted = |values: &[&str]| {
            let requests = values.iter().fold(TestRequest::get(), |r, value| r.append_header(("accept", *value)));
            accepted_nd_json(&requests.to_http_request())
        };
        assert_eq!(accepted(&["application/jsonl"]), Some("application/jsonl"));
        assert_eq!(accepted(&["text/html, application/JSONL;q=0.5, application/x-ndjson"]), Some("application/jsonl"));
        assert_eq!(accepted(&["text/html", "application/x-ndjson; charset=utf-8"]), Some("application/x-ndjson"));
        assert_eq!(accepted(&["application/jsonl;q=0, application/json"]), None);
        assert_eq!(accepted(&["*/*"]), None, "JSON is what comes when anything will do");
        assert_eq!(accepted(&["application/x-ndjson-not"]), None);
        assert_eq!(accepted(&[]), None);
    }
}
