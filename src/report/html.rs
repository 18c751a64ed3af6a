//! A page that is one file: what became of a run, its failures with their screenshots, all tests, the end of its log. It
//! has no script, and loads nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ReportOutcome, ReportRun, ReportTest, readable};

const STYLES: &str = include_str!("report.css");

/// A picture of a test.
#[derive(Clone, Debug)]
pub struct ReportPicture {
    /// The test's id.
    pub test: String,
    /// Its name.
    pub name: String,
    /// `image/png`, `image/jpeg` or `image/webp`.
    pub content_type: String,
    /// The image.
    pub bytes: Vec<u8>,
}

/// What a page is made of.
#[derive(Debug)]
pub struct ReportParts<'a> {
    /// The run.
    pub run: &'a ReportRun,
    /// All its tests.
    pub tests: &'a [ReportTest<'a>],
    /// Pictures of tests that failed.
    pub pictures: &'a [ReportPicture],
    /// The last lines of its log.
    pub log: &'a [String],
    /// Whether there are lines before these.
    pub log_is_cut: bool,
}

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn write(parts: &ReportParts<'_>, out: &mut impl Write) -> io::Result<()> {
    let (run, tests) = (parts.run, parts.tests);
    let title = title(run);
    let word = run.status.as_deref().unwrap_or("unknown");
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{word} · {title}</title>\n<style>{STYLES}</style>\n\
         <header><b class=\"word {word}\">{word}</b><h1>{title}</h1><p>{facts}</p></header>\n<main>\n",
        word = escaped(word),
        title = escaped(&title),
        facts = escaped(&facts(run, tests)),
    )?;
    if let Some(error) = &run.last_error {
        writeln!(out, "<section><h2>Error of the run</h2><pre>{}</pre></section>", escaped(&error.message))?;
    }
    for (outcome, heading) in [(ReportOutcome::Failed, "Failed"), (ReportOutcome::Flaky, "Flaky")] {
        let found: Vec<_> = tests.iter().filter(|test| test.outcome() == outcome).collect();
        if !found.is_empty() {
            writeln!(out, "<section><h2>{heading} ({})</h2>", found.len())?;
            for test in found {
                write_failure(out, test, parts.pictures)?;
            }
            writeln!(out, "</section>")?;
        }
    }
    write_tests(out, tests)?;
    if !parts.log.is_empty() {
        let cut = if parts.log_is_cut { " (its last lines)" } else { "" };
        write!(out, "<section><details><summary>Log{cut}</summary><pre>")?;
        for line in parts.log {
            writeln!(out, "{}", escaped(line))?;
        }
        writeln!(out, "</pre></details></section>")?;
    }
    if run.tests_omitted > 0 {
        writeln!(out, "<p>{} more tests were counted, and are not listed.</p>", run.tests_omitted)?;
    }
    writeln!(out, "</main>\n</html>")
}

fn title(run: &ReportRun) -> String {
    let meta = run.meta.as_ref();
    let project = meta.and_then(|meta| meta.project.clone()).unwrap_or_else(|| run.run_id.clone());
    match meta.and_then(|meta| meta.number) {
        Some(number) => format!("{project} #{number}"),
        None => project,
    }
}

fn facts(run: &ReportRun, tests: &[ReportTest<'_>]) -> String {
    let count = |outcome| tests.iter().filter(|test| test.outcome() == outcome).count();
    let counts = [
        (ReportOutcome::Failed, "failed"),
        (ReportOutcome::Flaky, "flaky"),
        (ReportOutcome::Passed, "passed"),
        (ReportOutcome::Skipped, "skipped"),
        (ReportOutcome::Open, "not ended"),
    ];
    let counts = counts.into_iter().filter_map(|(outcome, word)| match count(outcome) {
        0 => None,
        some => Some(format!("{some} {word}")),
    });
    let meta = run.meta.as_ref();
    let about = [
        Some(run.run_id.clone()),
        meta.and_then(|meta| meta.title.clone()),
        meta.and_then(|meta| meta.branch.clone()),
        meta.and_then(|meta| meta.commit.clone()),
        meta.and_then(|meta| meta.author.clone()),
        run.started_at.clone(),
        run.elapsed_ms.map(|ms| format!("{:.1} s", ms as f64 / 1_000.0)),
    ];
    counts.chain(about.into_iter().flatten()).collect::<Vec<_>>().join(" · ")
}

fn write_failure(out: &mut impl Write, test: &ReportTest<'_>, pictures: &[ReportPicture]) -> io::Result<()> {
    let place = match (&test.file, test.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.to_string(),
        _ => String::new(),
    };
    let also = [Some(place), test.project.as_deref().map(str::to_owned), test.variant.as_deref().map(str::to_owned)];
    let also: Vec<_> = also.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    writeln!(out, "<article><h3>{}</h3><p>{}</p>", escaped(test.name()), escaped(&also.join(" · ")))?;
    if let Some(step) = &test.failed_step {
        let step = [step.title.as_deref(), step.location.as_deref()];
        writeln!(out, "<p>{}</p>", escaped(&step.into_iter().flatten().collect::<Vec<_>>().join(" · ")))?;
    }
    for attempt in &test.attempts {
        if let Some(error) = &attempt.error {
            writeln!(out, "<h4>Attempt {}</h4><pre>{}</pre>", attempt.attempt + 1, escaped(error))?;
        }
    }
    if let Some(error) = &test.error {
        if !test.attempts.is_empty() {
            writeln!(out, "<h4>Attempt {}</h4>", test.attempts.len() + 1)?;
        }
        writeln!(out, "<pre>{}</pre>", escaped(error))?;
    }
    for picture in pictures.iter().filter(|picture| picture.test == test.test_id) {
        let (name, kind) = (escaped(&picture.name), escaped(&picture.content_type));
        let image = STANDARD.encode(&picture.bytes);
        writeln!(
            out,
            "<figure><img alt=\"{name}\" src=\"data:{kind};base64,{image}\"><figcaption>{name}</figcaption></figure>"
        )?;
    }
    writeln!(out, "</article>")
}

fn write_tests(out: &mut impl Write, tests: &[ReportTest<'_>]) -> io::Result<()> {
    let mut suites: BTreeMap<String, Vec<&ReportTest<'_>>> = BTreeMap::new();
    for test in tests {
        suites.entry(test.suite()).or_default().push(test);
    }
    writeln!(out, "<section><h2>All tests ({})</h2>", tests.len())?;
    for (suite, tests) in suites {
        writeln!(out, "<h3>{}</h3><table>", escaped(&suite))?;
        for test in tests {
            let status = escaped(&test.status);
            let ms = test.duration_ms.map(|ms| format!("{:.1} s", ms / 1_000.0)).unwrap_or_default();
            writeln!(out, "<tr><td class=\"{status}\">{status}<td>{}<td>{ms}", escaped(test.name()))?;
        }
        writeln!(out, "</table>")?;
    }
    writeln!(out, "</section>")
}

/// A text as it stands in HTML and in its attributes.
fn escaped(text: &str) -> String {
    let text = readable(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::ReportPage;
    use super::*;

    #[test]
    fn a_page_has_what_failed_with_its_pictures_and_shows_hostile_text_as_text() {
        let page: ReportPage<'_> = serde_json::from_str(
            r#"{"tests":[{"testId":"a","title":"<script>alert(1)</script>","file":"a.ts","line":7,"status":"failed",
            "outcome":"unexpected","error":"\u001b[31mexpected <b>\u001b[0m","durationMs":1234},
            {"testId":"b","title":"fine","status":"passed","outcome":"expected"}]}"#,
        )
        .unwrap();
        let run = ReportRun { run_id: "r".into(), status: Some("failed".into()), ..ReportRun::default() };
        let picture = ReportPicture {
            test: "a".into(),
            name: "\"><img src=x>".into(),
            content_type: "image/png".into(),
            bytes: b"png".to_vec(),
        };
        let log = ["last <line>".to_owned()];
        let parts = ReportParts { run: &run, tests: &page.tests, pictures: &[picture], log: &log, log_is_cut: true };
        let mut out = Vec::new();
        write(&parts, &mut out).unwrap();
        let html = String::from_utf8(out).unwrap();
        for part in [
            "1 failed · 1 passed · r",
            "<h2>Failed (1)</h2>",
            "<h3>&lt;script&gt;alert(1)&lt;/script&gt;</h3><p>a.ts:7</p>",
            "<pre>expected &lt;b&gt;</pre>",
            "src=\"data:image/png;base64,cG5n\"",
            "last &lt;line&gt;",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
    }
}
