//! The query parameters by which events are picked out of a log: `types`, `test`, `variant`, `before`.

use super::super::super::problem::Problem;
use crate::log_index::EventFilter;
use crate::protocol::After;
use crate::protocol::producer_event::MAX_TYPE_CHARS;
use crate::protocol::state_part::MAX_TEST_ID_BYTES;
use crate::protocol::variant::MAX_VARIANT_BYTES;

/// Most types of a filter.
const MAX_TYPES: usize = 50;

/// Parses a filter. A parameter that is empty is as good as missing.
///
/// # Errors
/// 400 `invalid_types`, `invalid_test`, `invalid_variant`.
pub(in crate::http) fn filter(
    types: Option<&str>,
    test: Option<&str>,
    variant: Option<&str>,
) -> Result<EventFilter, Problem> {
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let types: Vec<String> = given(types).map_or_else(Vec::new, |types| types.split(',').map(str::to_owned).collect());
    if types.len() > MAX_TYPES {
        let rule = format!("types must be at most {MAX_TYPES}, not {}", types.len());
        return Err(Problem::bad_request("invalid_types", rule));
    }
    let is_type = |kind: &&String| !(1..=MAX_TYPE_CHARS).contains(&kind.chars().count());
    if let Some(wrong) = types.iter().find(is_type) {
        let shown: String = wrong.chars().take(80).collect();
        let rule = format!(
            "types must be types of events, each of 1 to {MAX_TYPE_CHARS} characters, with commas between them, not \
             {shown:?}"
        );
        return Err(Problem::bad_request("invalid_types", rule));
    }
    let within = |name: &str, text: &Option<String>, max: usize, code| {
        let fits = text.as_ref().is_none_or(|text| text.len() <= max);
        if fits { Ok(()) } else { Err(Problem::bad_request(code, format!("{name} must have at most {max} bytes"))) }
    };
    let (test, variant) = (given(test), given(variant));
    within("test", &test, MAX_TEST_ID_BYTES, "invalid_test")?;
    within("variant", &variant, MAX_VARIANT_BYTES, "invalid_variant")?;
    Ok(EventFilter { types, test, variant })
}

/// Parses `before`: the event that a page ends before, or `latest`.
///
/// # Errors
/// 400 `invalid_before`.
pub(super) fn before(text: Option<&str>) -> Result<Option<After>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match After::parse(text) {
        Ok(before @ After::Latest) => Ok(Some(before)),
        Ok(before @ After::Cursor(cursor)) if cursor.seq > 0 => Ok(Some(before)),
        _ => {
            let shown: String = text.chars().take(64).collect();
            let rule = format!("before must be N or epoch:N from 1 on, or latest, not {shown:?}");
            Err(Problem::bad_request("invalid_before", rule))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Cursor, Epoch};

    #[test]
    fn a_filter_is_read_and_what_is_empty_is_missing() {
        let read = filter(Some("log,test_step"), Some("a,b"), Some("linux#2")).unwrap();
        assert_eq!(read.types, ["log", "test_step"]);
        assert_eq!((read.test.as_deref(), read.variant.as_deref()), (Some("a,b"), Some("linux#2")));
        assert!(filter(Some(""), Some(""), None).unwrap().is_empty());
    }

    #[test]
    fn a_wrong_filter_is_refused_by_its_name() {
        let (many, long) = ("x,".repeat(MAX_TYPES) + "x", "é".repeat(300));
        for (types, test, variant, code, named) in [
            (Some("log,,error"), None, None, "invalid_types", "1 to 64 characters, with commas between them, not \"\""),
            (Some(&*long), None, None, "invalid_types", "types"),
            (Some(&*many), None, None, "invalid_types", "at most 50, not 51"),
            (None, Some(&*long), None, "invalid_test", "test must have at most 512 bytes"),
            (None, None, Some(&*long), "invalid_variant", "variant must have at most 512 bytes"),
        ] {
            let refused = filter(types, test, variant).unwrap_err().to_string();
            assert!(refused.contains(code) && refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn before_is_an_event_or_the_end() {
        let at = |epoch: Option<u64>, seq| Some(After::Cursor(Cursor { epoch: epoch.map(Epoch), seq }));
        for (text, want) in [("", None), ("7", at(None, 7)), ("2:7", at(Some(2), 7)), ("latest", Some(After::Latest))] {
            assert_eq!(before(Some(text)).unwrap(), want, "{text}");
        }
        for bad in ["0", "1:0", "-5", "x", "99999999999999999999", "1:2:3"] {
            let refused = before(Some(bad)).unwrap_err().to_string();
            assert!(refused.contains("invalid_before") && refused.contains("before must be N"), "{bad}: {refused}");
        }
    }
}
