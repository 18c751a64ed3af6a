//! JUnit XML, in the form that CI systems read: one suite for each file, project and variant.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::{ReportOutcome, ReportRun, ReportTest, readable};

/// Numbers of a suite's tests.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    tests: usize,
    failures: usize,
    skipped: usize,
    ms: f64,
}

impl Sums {
    fn of(tests: &[&ReportTest<'_>]) -> Self {
        tests.iter().fold(Self::default(), |sums, test| Self {
            tests: sums.tests + 1,
            failures: sums.failures + usize::from(test.outcome() == ReportOutcome::Failed),
            skipped: sums.skipped + usize::from(is_left_out(test)),
            ms: sums.ms + test.all_ms(),
        })
    }

    fn put(self, tag: &mut BytesStart<'_>) {
        tag.push_attribute(("tests", self.tests.to_string().as_str()));
        tag.push_attribute(("failures", self.failures.to_string().as_str()));
        tag.push_attribute(("errors", "0"));
        tag.push_attribute(("skipped", self.skipped.to_string().as_str()));
        tag.push_attribute(("time", seconds(self.ms).as_str()));
    }
}

fn is_left_out(test: &ReportTest<'_>) -> bool {
    matches!(test.outcome(), ReportOutcome::Skipped | ReportOutcome::Open)
}

fn seconds(ms: f64) -> String {
    format!("{:.3}", ms / 1_000.0)
}

/// Writes the report. Tests that have not ended count as skipped.
///
/// # Errors
/// Those of `out`.
pub fn write(run: &ReportRun, tests: &[ReportTest<'_>], out: impl Write) -> io::Result<()> {
    let mut suites: BTreeMap<String, Vec<&ReportTest<'_>>> = BTreeMap::new();
    for test in tests {
        suites.entry(test.suite()).or_default().push(test);
    }
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = BytesStart::new("testsuites");
    root.push_attribute(("name", readable(&run.run_id).as_str()));
    Sums::of(&tests.iter().collect::<Vec<_>>()).put(&mut root);
    if let Some(at) = &run.started_at {
        root.push_attribute(("timestamp", at.as_str()));
    }
    xml.write_event(Event::Start(root))?;
    for (name, tests) in &suites {
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", readable(name).as_str()));
        Sums::of(tests).put(&mut suite);
        xml.write_event(Event::Start(suite))?;
        for test in tests {
            write_case(&mut xml, name, test)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn write_case(xml: &mut Writer<impl Write>, suite: &str, test: &ReportTest<'_>) -> io::Result<()> {
    let mut case = BytesStart::new("testcase");
    case.push_attribute(("name", readable(test.name()).as_str()));
    case.push_attribute(("classname", readable(suite).as_str()));
    case.push_attribute(("time", seconds(test.all_ms()).as_str()));
    if let Some(file) = &test.file {
        case.push_attribute(("file", readable(file).as_str()));
    }
    if let Some(line) = test.line {
        case.push_attribute(("line", line.to_string().as_str()));
    }
    xml.write_event(Event::Start(case))?;
    let attempts = test.attempts.iter().filter_map(|attempt| attempt.error.as_deref());
    match test.outcome() {
        ReportOutcome::Failed => {
            let error = test.error.as_deref().unwrap_or("no error was told");
            write_error(xml, "failure", error, test.location.as_deref())?;
            for error in attempts {
                write_error(xml, "rerunFailure", error, None)?;
            }
        }
        ReportOutcome::Flaky => {
            for error in attempts {
                write_error(xml, "flakyFailure", error, None)?;
            }
        }
        ReportOutcome::Skipped | ReportOutcome::Open => {
            let mut skipped = BytesStart::new("skipped");
            if test.outcome() == ReportOutcome::Open {
                skipped.push_attribute(("message", "it has not ended"));
            }
            xml.write_event(Event::Empty(skipped))?;
        }
        ReportOutcome::Passed => {}
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn write_error(xml: &mut Writer<impl Write>, tag: &str, error: &str, location: Option<&str>) -> io::Result<()> {
    let text = readable(error);
    let mut start = BytesStart::new(tag);
    start.push_attribute(("message", text.lines().next().unwrap_or_default()));
    xml.write_event(Event::Start(start))?;
    let whole = match location {
        Some(location) => format!("{text}\n    at {}", readable(location)),
        None => text,
    };
    xml.write_event(Event::Text(BytesText::new(&whole)))?;
    xml.write_event(Event::End(BytesEnd::new(tag)))
}

#[cfg(test)]
mod tests {
    use super::super::ReportPage;
    use super::*;

    fn written(tests: &str) -> String {
        let page: ReportPage<'_> = serde_json::from_str(tests).unwrap();
        let run = ReportRun { run_id: "r".into(), ..ReportRun::default() };
        let mut out = Vec::new();
        write(&run, &page.tests, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_test_is_a_case_of_its_suite_with_what_its_attempts_failed_of() {
        let xml = written(
            r#"{"tests":[
            {"testId":"a","title":"pays","file":"cart.spec.ts","line":3,"project":"chromium","status":"failed",
             "outcome":"unexpected","durationMs":1500,"error":"\u001b[31mexpected 3\u001b[39m\nCall log","location":"cart.spec.ts:9:1",
             "attempts":[{"attempt":0,"status":"failed","durationMs":500,"error":"first"}]},
            {"testId":"b","file":"cart.spec.ts","project":"chromium","status":"passed","outcome":"flaky","durationMs":10,
             "attempts":[{"attempt":0,"status":"failed","durationMs":5,"error":"once"}]},
            {"testId":"c","title":"later","status":"skipped","outcome":"skipped"},
            {"testId":"d","title":"now","status":"running"}]}"#,
        );
        for part in [
            r#"<testsuites name="r" tests="4" failures="1" errors="0" skipped="2" time="2.015">"#,
            r#"<testsuite name="cart.spec.ts · chromium" tests="2" failures="1" errors="0" skipped="0" time="2.015">"#,
            r#"<testcase name="pays" classname="cart.spec.ts · chromium" time="2.000" file="cart.spec.ts" line="3">"#,
            "<failure message=\"expected 3\">expected 3\nCall log\n    at cart.spec.ts:9:1</failure>",
            r#"<rerunFailure message="first">first</rerunFailure>"#,
            r#"<flakyFailure message="once">once</flakyFailure>"#,
            r#"<skipped message="it has not ended"/>"#,
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
    }

    #[test]
    fn hostile_text_is_text_and_the_document_stays_well_formed() {
        let xml = written(
            r#"{"tests":[{"testId":"<b>&\"'\u0000","title":"]]>\u001b[2J<x>","status":"failed","outcome":"unexpected",
            "error":"</failure>\u0001\ud83d\udca5","file":"a\"b"}]}"#,
        );
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut cases = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) if tag.name().as_ref() == b"testcase" => {
                    cases += 1;
                    let name = tag.try_get_attribute("name").unwrap().unwrap();
                    assert_eq!(name.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap(), "]]><x>");
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(cases, 1);
        assert!(xml.contains("💥"), "{xml}");
    }
}
