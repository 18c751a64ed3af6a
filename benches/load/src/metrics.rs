//! The figures that runcast exports.

use anyhow::{Context, Result};

use crate::http::Connection;

/// The sum of a runcast counter over all label sets; 0 if it is absent, as one that was never increased may be.
pub fn counter(connection: &mut Connection, name: &str) -> Result<u64> {
    let body = connection.get("/metrics", "text/plain")?;
    sum_metric(std::str::from_utf8(body)?, name).with_context(|| format!("/metrics has a {name} that is no number"))
}

fn sum_metric(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with([' ', '{']))
        .map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .try_fold(0, |sum, value| Some(sum + value? as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_not_over_longer_names() {
        let text = "# TYPE reads counter\nreads{kind=\"a b\"} 3\nreads{kind=\"c\"} 4\nreads_failed 9\n";
        assert_eq!(sum_metric(text, "reads"), Some(7));
        assert_eq!(sum_metric("", "reads"), Some(0));
        assert_eq!(sum_metric("reads x\n", "reads"), None);
    }
}
