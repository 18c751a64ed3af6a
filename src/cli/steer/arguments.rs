//! Arguments that several actions have.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

/// A point of a page, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    x: f64,
    y: f64,
}

/// Whom a command is for.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TargetArgs {
    /// Only this producer
    #[arg(long, global = true, value_name = "PRODUCER", conflicts_with_all = ["slot", "test"])]
    pub(super) target: Option<String>,
    /// Only this slot of a producer
    #[arg(long, global = true, value_name = "PRODUCER:SLOT", conflicts_with = "test")]
    pub(super) slot: Option<Slot>,
    /// Only the producer that runs this test; with `cancel` only this test
    #[arg(long, global = true, value_name = "ID")]
    pub(super) test: Option<String>,
}

/// A slot of a producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    producer: String,
    slot: u64,
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let point = text.split_once(',').and_then(|(x, y)| Some(Self { x: number(x)?, y: number(y)? }));
        point.ok_or_else(|| "must be X,Y in CSS pixels, 100,20.5 for instance".to_owned())
    }
}

impl Point {
    pub(super) fn json(self) -> Value {
        json!({"x": self.x, "y": self.y})
    }
}

impl FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let slot = text.rsplit_once(':').filter(|(producer, _)| !producer.is_empty());
        let slot =
            slot.and_then(|(producer, slot)| Some(Self { producer: producer.to_owned(), slot: slot.parse().ok()? }));
        slot.ok_or_else(|| "must be PRODUCER:SLOT, where SLOT is a number".to_owned())
    }
}

/// `FILE:LINE`.
pub(super) fn parse_location(text: &str) -> Result<String, String> {
    let line =
        text.rsplit_once(':').filter(|(file, _)| !file.is_empty()).and_then(|(_, line)| line.parse::<u32>().ok());
    match line {
        Some(1..) => Ok(text.to_owned()),
        _ => Err("must be FILE:LINE, tests/shop.spec.js:12 for instance".to_owned()),
    }
}

/// JSON.
pub(super) fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))
}

impl TargetArgs {
    /// The member `target` of a command.
    pub(super) fn json(&self) -> Option<Value> {
        if let Some(producer) = &self.target {
            return Some(json!({"producer": producer}));
        }
        if let Some(Slot { producer, slot }) = &self.slot {
            return Some(json!({"slot": {"producer": producer, "slot": slot}}));
        }
        self.test.as_ref().map(|test| json!({"testId": test}))
    }
}
