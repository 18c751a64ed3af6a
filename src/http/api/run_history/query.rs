//! What a history, and a comparison, is asked for.

use super::super::super::problem::Problem;
use crate::protocol::RunId;
use crate::protocol::variant::MAX_VARIANT_BYTES;

/// Most tests of a history.
pub(super) const MAX_TESTS: usize = 50;
/// Most bytes of the id of a test.
const MAX_TEST_ID_BYTES: usize = 512;

/// A test whose history is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AskedTest {
    pub(super) test_id: String,
    /// Its variant; empty: none; `None`: all.
    pub(super) variant: Option<String>,
}

/// Reads `test` and `variant`, which are paired by their places: as many of these as of those, or none.
pub(super) fn read_tests(query: &[(String, String)]) -> Result<Vec<AskedTest>, Problem> {
    let all = |wanted: &str| -> Vec<String> {
        query.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.clone()).collect()
    };
    let (tests, variants) = (all("test"), all("variant"));
    let refuse = |code, rule: String| Err(Problem::bad_request(code, rule));
    if !(1..=MAX_TESTS).contains(&tests.len()) {
        return refuse("invalid_test", format!("test must be there 1 to {MAX_TESTS} times, not {}", tests.len()));
    }
    if let Some(at) = tests.iter().position(|test| !(1..=MAX_TEST_ID_BYTES).contains(&test.len())) {
        return refuse("invalid_test", format!("test {} must have 1 to {MAX_TEST_ID_BYTES} bytes", at + 1));
    }
    if !variants.is_empty() && variants.len() != tests.len() {
        let rule = "variant must be there as often as test, or not at all";
        return refuse("invalid_variant", format!("{rule}: {} of {}", variants.len(), tests.len()));
    }
    if let Some(at) = variants.iter().position(|variant| variant.len() > MAX_VARIANT_BYTES) {
        return refuse("invalid_variant", format!("variant {} must have at most {MAX_VARIANT_BYTES} bytes", at + 1));
    }
    let mut variants = variants.into_iter();
    Ok(tests.into_iter().map(|test_id| AskedTest { test_id, variant: variants.next() }).collect())
}

/// Reads `with`: the run to compare with, another one than `run`.
pub(super) fn read_with(query: &[(String, String)], run: &RunId) -> Result<Option<RunId>, Problem> {
    let given = query.iter().find(|(name, value)| name == "with" && !value.is_empty());
    let Some((_, text)) = given else { return Ok(None) };
    match RunId::parse(text) {
        Ok(with) if with == *run => Err(Problem::bad_request("invalid_with", "with must be another run")),
        Ok(with) => Ok(Some(with)),
        Err(error) => Err(Problem::bad_request("invalid_with", format!("with: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tests_and_variants_are_paired_by_their_places() {
        let asked = read_tests(&pairs(&[("test", "a"), ("variant", "linux"), ("test", "b"), ("variant", "")])).unwrap();
        let test = |id: &str, variant: Option<&str>| AskedTest { test_id: id.into(), variant: variant.map(Into::into) };
        assert_eq!(asked, [test("a", Some("linux")), test("b", Some(""))]);
        assert_eq!(read_tests(&pairs(&[("test", "a"), ("odd", "1")])).unwrap(), [test("a", None)]);
    }

    #[test]
    fn what_cannot_be_paired_is_refused_by_its_name() {
        let long = "x".repeat(513);
        let many: Vec<_> = (0..51).map(|_| ("test", "a")).collect();
        for (query, code) in [
            (&[][..], "invalid_test"),
            (&[("test", "")], "invalid_test"),
            (&[("test", &long)], "invalid_test"),
            (&many, "invalid_test"),
            (&[("test", "a"), ("test", "b"), ("variant", "v")], "invalid_variant"),
            (&[("test", "a"), ("variant", &long)], "invalid_variant"),
        ] {
            let refused = read_tests(&pairs(query)).unwrap_err().to_string();
            assert!(refused.contains(code), "{refused}");
        }
    }

    #[test]
    fn a_run_is_compared_with_another_one() {
        let run = RunId::parse("r").unwrap();
        let with = |text: &str| read_with(&pairs(&[("with", text)]), &run);
        assert_eq!(with("other").unwrap().unwrap().as_str(), "other");
        assert!(with("").unwrap().is_none() && read_with(&[], &run).unwrap().is_none());
        assert!(with("r").is_err() && with("a b").unwrap_err().to_string().contains("invalid_with"));
    }
}
