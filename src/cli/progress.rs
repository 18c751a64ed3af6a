//! Shows the progress of uploads and downloads on stderr: bars on a terminal, lines elsewhere.

use std::fmt;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::request::Retry;
use super::tell;
use super::terminal::plain;

/// Most characters shown of a name.
const NAME_CHARS: usize = 60;

/// Most characters shown of how a transfer ended.
const REASON_CHARS: usize = 600;

/// The progress of all files.
#[derive(Debug)]
pub(super) struct TransferProgress {
    bars: MultiProgress,
    all: ProgressBar,
    quiet: bool,
}

/// The progress bar of one file; dropping it removes it.
#[derive(Debug)]
pub(super) struct FileBar<'a> {
    progress: &'a TransferProgress,
    bar: ProgressBar,
    name: String,
}

impl TransferProgress {
    pub(super) fn new(files: usize, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bars = MultiProgress::with_draw_target(target);
        let all = bars.add(ProgressBar::new(files as u64).with_style(style("{bar:30} {pos}/{len} files")));
        all.tick();
        Self { bars, all, quiet }
    }

    /// Adds the bar of a file whose transfer begins.
    pub(super) fn file(&self, name: &str) -> FileBar<'_> {
        let bar = self.bars.add(
            ProgressBar::no_length().with_style(style("{bar:30} {decimal_bytes}/{decimal_total_bytes} {wide_msg}")),
        );
        let name = plain(name, NAME_CHARS);
        bar.set_message(name.clone());
        FileBar { progress: self, bar, name }
    }

    /// Prints a message unless `--quiet` was given.
    pub(super) fn say(&self, text: impl fmt::Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Prints a message even with `--quiet`.
    pub(super) fn warn(&self, text: impl fmt::Display) {
        self.bars.suspend(|| tell(text));
    }

    /// Removes the bars.
    pub(super) fn end(&self) {
        self.all.finish_and_clear();
    }
}

impl FileBar<'_> {
    /// The bar, set to a file of this size.
    pub(super) fn of(&self, size: u64) -> &ProgressBar {
        self.bar.set_length(size);
        &self.bar
    }

    /// Shows what is waited for.
    pub(super) fn waits(&self, retry: &Retry<'_>) {
        if retry.is_news() {
            self.progress.say(format_args!("{}: {retry}", self.name));
        }
        self.bar.set_message(format!("{}, {retry}", self.name));
    }

    /// Reports how the transfer ended.
    pub(super) fn ends(&self, how: impl fmt::Display) {
        self.progress.say(format_args!("{}: {}", self.name, plain(&how.to_string(), REASON_CHARS)));
    }

    /// Reports the reason of a failure.
    pub(super) fn fails(&self, reason: impl fmt::Display) {
        self.progress.warn(format_args!("{}: {}", self.name, plain(&reason.to_string(), REASON_CHARS)));
    }
}

impl Drop for FileBar<'_> {
    fn drop(&mut self) {
        self.progress.bars.remove(&self.bar);
        self.progress.all.inc(1);
    }
}

/// The templates are constants. A bar in the default style is better than a failed command.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
