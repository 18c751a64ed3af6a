//! What the user sees of uploads on their way: bars on a terminal, lines elsewhere. All of it on stderr.

use std::fmt;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::tell;
use super::super::terminal::plain;

/// Characters of a name that are shown.
const NAME_CHARS: usize = 60;

/// See the module.
#[derive(Debug)]
pub(super) struct UploadProgress {
    bars: MultiProgress,
    all: ProgressBar,
    quiet: bool,
}

/// One file's part of it; gone when it is dropped.
#[derive(Debug)]
pub(super) struct FileBar<'a> {
    progress: &'a UploadProgress,
    bar: ProgressBar,
    name: String,
}

impl UploadProgress {
    pub(super) fn new(files: usize, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bars = MultiProgress::with_draw_target(target);
        let all = bars.add(ProgressBar::new(files as u64).with_style(style("{bar:30} {pos}/{len} files")));
        all.tick();
        Self { bars, all, quiet }
    }

    /// A file whose turn has come.
    pub(super) fn file(&self, name: &str) -> FileBar<'_> {
        let bar = self.bars.add(
            ProgressBar::no_length().with_style(style("{bar:30} {decimal_bytes}/{decimal_total_bytes} {wide_msg}")),
        );
        let name = plain(name, NAME_CHARS);
        bar.set_message(name.clone());
        FileBar { progress: self, bar, name }
    }

    /// Says what all should know.
    pub(super) fn say(&self, text: impl fmt::Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Says what even those should know who want to know nothing.
    pub(super) fn warn(&self, text: impl fmt::Display) {
        self.bars.suspend(|| tell(text));
    }

    /// Nothing moves any more.
    pub(super) fn end(&self) {
        self.all.finish_and_clear();
    }
}

impl FileBar<'_> {
    /// The bar, for a file of this size.
    pub(super) fn of(&self, size: u64) -> &ProgressBar {
        self.bar.set_length(size);
        &self.bar
    }

    /// Says why something is tried again.
    pub(super) fn tries_again(&self, why: &str) {
        if self.progress.bars.is_hidden() {
            self.progress.say(format_args!("{}: again: {why}", self.name));
        } else {
            self.bar.set_message(format!("{}, again: {why}", self.name));
        }
    }

    /// Says how it ended.
    pub(super) fn ends(&self, how: impl fmt::Display) {
        self.progress.say(format_args!("{}: {how}", self.name));
    }

    /// Says why it failed.
    pub(super) fn fails(&self, why: impl fmt::Display) {
        self.progress.warn(format_args!("{}: {why}", self.name));
    }
}

impl Drop for FileBar<'_> {
    fn drop(&mut self) {
        self.progress.bars.remove(&self.bar);
        self.progress.all.inc(1);
    }
}

/// The templates are constant; a bar in the default style is no reason to upload nothing.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
