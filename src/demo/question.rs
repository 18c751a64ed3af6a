//! The question that the demo's worker asks once in a run.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Its id.
pub(super) const ASK_ID: &str = "which-next";

/// Where it is asked.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DemoQuestion {
    /// The test that asks.
    pub(super) test: String,
    /// The page that it is on.
    url: String,
    /// Where the choices are in the picture, by their ids.
    pub(super) boxes: Map<String, Value>,
}

impl DemoQuestion {
    /// It, as it is posted. `screenshot` is the artifact with the picture, and it waits for `secs` seconds.
    pub(super) fn event(&self, screenshot: Option<&str>, secs: u64) -> Value {
        let candidate = |id: &str, label: &str, selector: &str, score: f64| {
            let at = self.boxes.get(id);
            json!({"id": id, "label": label, "selector": selector, "score": score, "box": at})
        };
        let mut event = json!({
            "type": "ai_stuck",
            "testId": self.test,
            "askId": ASK_ID,
            "reason": "ambiguous_element",
            "message": "Two buttons could be the one that the test calls \"next\". Which one shall I click?",
            "goal": "Show the second page of the teas",
            "attempts": ["getByLabel('next')", "getByTestId('next')", "getByTitle('next')"],
            "lastError": {"message": "strict mode violation: getByText(/next|last/i) resolved to 2 elements"},
            "needs": "choice",
            "candidates": [
                candidate("next-page", "Next page", "#next", 0.62),
                candidate("last-page", "Last page", "#last", 0.38),
            ],
            "url": self.url,
            "expiresInSecs": secs,
            "onTimeout": {"action": "continue", "value": "next-page"},
        });
        if let Some(screenshot) = screenshot {
            event["screenshot"] = screenshot.into();
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::super::screens::bundled_screens;

    #[test]
    fn it_has_its_test_its_picture_and_where_the_choices_are() {
        let asked = bundled_screens().unwrap().question.event(Some("picture"), 9);
        assert!(asked["testId"].is_string() && asked["screenshot"] == "picture" && asked["expiresInSecs"] == 9);
        for candidate in asked["candidates"].as_array().unwrap() {
            let at = |name: &str| candidate["box"][name].as_u64().unwrap();
            assert!(at("width") > 40 && at("x") + at("width") <= 720 && at("y") + at("height") <= 450, "{candidate}");
        }
    }
}
