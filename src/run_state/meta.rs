//! What a run is about, as its producers tell.

use serde::Serialize;
use serde_json::value::RawValue;

use super::event::{FoldedMeta, MAX_NAME_BYTES, MAX_TITLE_BYTES, items, read, text, whole};
use super::space::{OVERHEAD, bytes_of, clip};

/// Most labels.
const MAX_LABELS: usize = 20;

/// `data.meta` of a `run_status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
}

/// By what a run is found in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLabels {
    /// The project.
    pub project: Option<String>,
    /// The number that its CI gave it.
    pub number: Option<u64>,
    /// The branch.
    pub branch: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The author.
    pub author: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// Words that its producer gave it.
    pub labels: Vec<String>,
}

impl RunMeta {
    /// Reads it; `None` if it is missing, or no object.
    pub(super) fn read(raw: Option<&RawValue>) -> Option<Self> {
        let meta: FoldedMeta<'_> = read(raw)?;
        let labels = items(meta.labels).into_iter().filter_map(|label| text(Some(label)));
        let text = |raw| text(raw).map(|text| clip(text, MAX_TITLE_BYTES));
        Some(Self {
            project: text(meta.project),
            number: whole(meta.number),
            title: text(meta.title),
            branch: text(meta.branch),
            commit: text(meta.commit),
            author: text(meta.author),
            ci_url: text(meta.ci_url),
            labels: labels.map(|label| clip(label, MAX_NAME_BYTES)).take(MAX_LABELS).collect(),
        })
    }

    /// The same with what a later one says.
    pub(super) fn followed_by(self, later: Self) -> Self {
        Self {
            project: later.project.or(self.project),
            number: later.number.or(self.number),
            title: later.title.or(self.title),
            branch: later.branch.or(self.branch),
            commit: later.commit.or(self.commit),
            author: later.author.or(self.author),
            ci_url: later.ci_url.or(self.ci_url),
            labels: if later.labels.is_empty() { self.labels } else { later.labels },
        }
    }

    /// By what the run is found.
    pub(super) fn labels(&self) -> RunLabels {
        RunLabels {
            project: self.project.clone(),
            number: self.number,
            branch: self.branch.clone(),
            commit: self.commit.clone(),
            author: self.author.clone(),
            title: self.title.clone(),
            labels: self.labels.clone(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let texts = [&self.project, &self.title, &self.branch, &self.commit, &self.author, &self.ci_url];
        let labels = self.labels.iter().map(|label| label.len() + size_of::<String>() + OVERHEAD);
        bytes_of(texts.map(|text| text.as_deref())) + labels.sum::<usize>()
    }
}
