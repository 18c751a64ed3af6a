//! What the pages show in fenced blocks is what a stranger copies: each block is run, or held to what there is.
//!
//! `blocks.toml` says how, block by block, and what stands in for what differs from place to place. Nothing is left out in
//! silence: a block that is neither in the table nor of a kind that is checked by itself fails the test, and so does a row
//! without a block.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use serde::Deserialize;

mod blocks;
mod kinds;
mod stage;
mod words;

use blocks::{Block, all, read};
use stage::Stage;

/// Blocks that are run at a time.
const AT_ONCE: usize = 6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// What stands in for what: literally, one after the other, and each somewhere in the pages.
    substitutions: Vec<[String; 2]>,
    block: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    page: String,
    /// How the block begins.
    begins: String,
    #[serde(flatten)]
    way: Way,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// By bash, after these lines.
    Run(String),
    /// It is what these lines print.
    PrintedBy(String),
    /// Another test, in this file, reads it from the page.
    TestedBy(String),
    /// Not at all, for this reason; the files, commands and flags in it are there.
    NotRun(String),
    /// It has no command, and is no program; it shows this.
    Shows(String),
    /// It is a part of a program, which parses within this, in place of `...`.
    Within(String),
}

fn table() -> Table {
    toml::from_str(&read("tests/command/documented_blocks/blocks.toml")).unwrap()
}

/// All blocks with their rows, which are none for some kinds.
fn matched<'a>(blocks: &'a [Block], table: &'a Table) -> Vec<(&'a Block, Option<&'a Row>)> {
    let mut used = BTreeMap::new();
    let mut found = Vec::new();
    for block in blocks {
        let fits = |row: &Row| row.page == block.page && block.text.starts_with(&row.begins);
        let rows: Vec<_> = (0..table.block.len()).filter(|index| fits(&table.block[*index])).collect();
        assert!(rows.len() < 2, "{block}: two rows");
        rows.iter().for_each(|row| *used.entry(*row).or_insert(0) += 1);
        found.push((block, rows.first().map(|row| &table.block[*row])));
    }
    for (index, Row { page, begins, .. }) in table.block.iter().enumerate() {
        assert_eq!(used.get(&index), Some(&1), "the row {page}: {begins:?} has one block");
    }
    found
}

#[tokio::test]
async fn every_block_of_the_pages_works_as_printed() {
    let (blocks, table) = (all(), table());
    assert!(blocks.len() > 50, "the pages were not understood");
    for [printed, _] in &table.substitutions {
        assert!(blocks.iter().any(|block| block.text.contains(printed)), "nothing to substitute: {printed:?}");
    }
    let (stage, commands) = (Stage::set(&table.substitutions), words::Commands::known().await);
    let pairs = matched(&blocks, &table);
    let checks = pairs.iter().map(|(block, row)| failure(block, *row, &stage, &commands));
    let outcomes: Vec<_> = futures_util::stream::iter(checks).buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{} blocks do not work as printed:\n\n{}", failed.len(), failed.join("\n\n"));
}

/// What is wrong with the block.
async fn failure(block: &Block, row: Option<&Row>, stage: &Stage<'_>, commands: &words::Commands) -> Option<String> {
    let outcome = match row.map(|row| &row.way) {
        Some(Way::Run(given)) => stage.run(given, &block.text).await.map(drop),
        Some(Way::PrintedBy(given)) => stage.run(given, "").await.and_then(|told| stage::compare(&told, &block.text)),
        Some(Way::TestedBy(test)) if read(test).contains(block.file_name()) => Ok(()),
        Some(Way::TestedBy(test)) => Err(format!("{test} does not name it")),
        Some(Way::NotRun(why) | Way::Shows(why)) if why.is_empty() => Err("without a reason".to_owned()),
        Some(Way::NotRun(_)) => commands.check(&block.text),
        Some(Way::Shows(_)) => words::no_command(&block.text),
        Some(Way::Within(whole)) => kinds::check("js", &whole.replace("...", &block.text)).await,
        None => kinds::check(&block.kind, &block.text).await,
    };
    outcome.err().map(|error| format!("{block}: {error}"))
}

#[tokio::test]
async fn commands_within_sentences_have_the_flags_that_they_name() {
    let commands = words::Commands::known().await;
    let spans: Vec<_> = blocks::spans().into_iter().filter(|(_, span)| span.starts_with("runcast ")).collect();
    assert!(spans.len() > 40, "the pages were not understood");
    let check =
        |(page, span): &(String, String)| commands.check(span).err().map(|error| format!("{page}: `{span}`: {error}"));
    let failed: Vec<_> = spans.iter().filter_map(check).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
