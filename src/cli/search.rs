//! `runcast search`: finds words in a run's log.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::artifacts::{fit_for_stdout, print};
use super::request::{AskError, read};
use super::terminal::{Colour, paint, plain};
use super::{AskArgs, block_on, parse_run, tell};
use crate::protocol::RunId;

/// Most characters shown of a line, of an id, and of a type.
const LINE_CHARS: usize = 302;
const ID_CHARS: usize = 60;

/// `runcast search`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Letters are found in any case; colours within a text do not count.\n\
                        Exit codes: 0 something is found, 1 nothing is, 2 wrong usage, 3 the run can't be searched \
                        (stderr says why).")]
pub struct SearchArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// What to find; several words are one text, with a space between them
    #[arg(required = true, num_args = 1..)]
    words: Vec<String>,
    /// Only in events of these types, with commas between them: log, test_step, ...
    #[arg(long, value_name = "TYPES")]
    types: Option<String>,
    /// Only in events of this test
    #[arg(long, value_name = "ID")]
    test: Option<String>,
    /// Write each hit as the JSON that the server has for it, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// A part of what is found.
#[derive(Deserialize)]
struct FoundPart<'a> {
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
    cursor: String,
    more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundLine {
    seq: u64,
    r#type: String,
    test_id: Option<String>,
    excerpt: String,
    ranges: Vec<(usize, usize)>,
}

/// Searches the run, and writes what is found as it is found.
///
/// # Errors
/// What is found can't be written.
pub fn run(args: SearchArgs) -> anyhow::Result<ExitCode> {
    let searched = block_on(search(&args))?;
    match searched {
        Ok(0) => Ok(ExitCode::from(1)),
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tell(format_args!("searching {}: {error:#}", args.run));
            Ok(ExitCode::from(3))
        }
    }
}

/// Writes all hits; how many.
async fn search(args: &SearchArgs) -> anyhow::Result<u64> {
    let servers = args.asking.servers()?;
    let in_colour = io::stdout().is_terminal();
    let (mut after, mut count) = (String::new(), 0);
    let mut known = HashSet::new();
    loop {
        let query = [
            ("q", args.words.join(" ")),
            ("types", args.types.clone().unwrap_or_default()),
            ("test", args.test.clone().unwrap_or_default()),
            ("limit", "1000".to_owned()),
            ("after", after.clone()),
        ];
        let answer = args.asking.get(&servers, |server| server.search(&args.run, &query)).await?;
        let part: FoundPart<'_> = read(&answer)?;
        let lines: Result<Vec<_>, AskError> = part.hits.iter().map(|hit| line(hit, args.json, in_colour)).collect();
        print(&lines?).context("stdout")?;
        count += part.hits.len() as u64;
        // A server that goes round in circles is not followed.
        if !part.more || !known.insert(part.cursor.clone()) {
            return Ok(count);
        }
        after = part.cursor;
    }
}

fn line(hit: &RawValue, as_json: bool, in_colour: bool) -> Result<String, AskError> {
    if as_json {
        return Ok(fit_for_stdout(hit.get()));
    }
    let found: FoundLine = read(hit.get().as_bytes())?;
    let test = found.test_id.map(|id| format!(" {}", plain(&id, ID_CHARS))).unwrap_or_default();
    let head = format!("{} {}{test}", found.seq, plain(&found.r#type, ID_CHARS));
    let text = marked(&found.excerpt, &found.ranges, in_colour);
    Ok(format!("{}: {text}", paint(&head, Colour::Dim, in_colour)))
}

/// The line with its finds in colour. `ranges` count UTF-16 code units.
fn marked(excerpt: &str, ranges: &[(usize, usize)], in_colour: bool) -> String {
    let mut units = 0;
    let mut bounds = vec![0];
    let mut wanted = ranges.iter().flat_map(|(from, to)| [*from, *to]).peekable();
    for (at, char) in excerpt.char_indices() {
        while wanted.next_if(|bound| *bound <= units).is_some() {
            bounds.push(at);
        }
        units += char.len_utf16();
    }
    bounds.extend(wanted.map(|_| excerpt.len()));
    bounds.push(excerpt.len());
    let parts = bounds.windows(2).enumerate().map(|(index, bound)| {
        let part = excerpt.get(bound[0]..bound[1]).unwrap_or_default();
        let colour = if index % 2 == 1 { Colour::Red } else { Colour::Plain };
        if part.is_empty() { String::new() } else { paint(&plain(part, LINE_CHARS), colour, in_colour) }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_are_marked_where_the_server_says_and_nothing_acts_on_the_terminal() {
        assert_eq!(marked("a 😀 pay, Pay", &[(5, 8), (10, 13)], true), "a 😀 \x1b[31mpay\x1b[0m, \x1b[31mPay\x1b[0m");
        assert_eq!(marked("a 😀 pay", &[(5, 8)], false), "a 😀 pay");
        assert_eq!(marked("\u{9b}2J x", &[(3, 4), (90, 99)], false), "\\u{9b}2J x", "a wrong range marks nothing");
        let hit = r#"{"seq":7,"type":"log","testId":"t","line":0,"excerpt":"no pay","ranges":[[3,6]]}"#;
        let raw: &RawValue = serde_json::from_str(hit).unwrap();
        assert_eq!(line(raw, false, false).unwrap(), "7 log t: no pay");
        assert_eq!(line(raw, true, false).unwrap(), hit);
    }
}
