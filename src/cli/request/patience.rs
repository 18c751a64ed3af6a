//! How long a request is tried, the pauses between its attempts, and what the user is told meanwhile.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::super::tell;
use super::AskError;
use crate::backoff::Backoff;

/// Pauses between attempts, before jitter and `Retry-After`.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the same reason is not told again.
const SAY_AGAIN: Duration = Duration::from_secs(10);
/// Most reasons that are known to have been told.
const MAX_SAID: usize = 16;

/// An attempt that failed and is repeated: `waiting for http://host: connection refused, giving up in 59 s`.
#[derive(Clone, Debug)]
pub struct Retry<'a> {
    reason: &'a str,
    left: Duration,
    is_news: bool,
}

impl Retry<'_> {
    /// Whether the user has not been told this lately.
    pub fn is_news(&self) -> bool {
        self.is_news
    }
}

/// Tells the user what is waited for, at once and then from time to time.
pub(in crate::cli) fn tell_retry(retry: &Retry<'_>) {
    if retry.is_news {
        tell(retry);
    }
}

impl fmt::Display for Retry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting for {}, giving up in {} s", self.reason, self.left.as_secs())
    }
}

/// What the user has been told of failures lately.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct RetryNews(Vec<(String, Instant)>);

impl RetryNews {
    /// The failure as it is told, with what is left of the time limit.
    pub(in crate::cli) fn of<'a>(&mut self, reason: &'a str, left: Duration) -> Retry<'a> {
        let now = Instant::now();
        self.0.retain(|(_, said)| now < *said + SAY_AGAIN);
        let is_news = self.0.len() < MAX_SAID && !self.0.iter().any(|(said, _)| said == reason);
        if is_news {
            self.0.push((reason.to_owned(), now));
        }
        Retry { reason, left, is_news }
    }
}

/// The pauses between attempts, and the time limit for all of them.
#[derive(Debug)]
pub(in crate::cli) struct Patience {
    whole: Duration,
    deadline: Instant,
    backoff: Backoff,
    news: RetryNews,
    /// Why the latest attempt failed that had its time.
    last: Option<String>,
}

impl Patience {
    pub(in crate::cli) fn new(whole: Duration) -> Self {
        let backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        Self { whole, deadline: Instant::now() + whole, backoff, news: RetryNews::default(), last: None }
    }

    pub(in crate::cli) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Extends the time limit by time in which progress was made.
    pub(in crate::cli) fn extend(&mut self, time: Duration) {
        self.deadline += time;
    }

    /// The pause before the next attempt, and what to tell the user; an error if that would be after the deadline. The
    /// error names what kept the attempts from success: of one that the deadline cut off nothing is known.
    pub(in crate::cli) fn pause<'a>(
        &mut self,
        reason: &'a str,
        retry_after: Option<Duration>,
    ) -> Result<(Duration, Retry<'a>), AskError> {
        let pause = self.backoff.pause().max(retry_after.unwrap_or_default());
        let left = self.left();
        if pause < left {
            self.last = Some(reason.to_owned());
            return Ok((pause, self.news.of(reason, left)));
        }
        let earlier = self.last.take().filter(|_| left.is_zero());
        Err(AskError::GaveUp { patience: self.whole, last: earlier.unwrap_or_else(|| reason.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_before_a_pause_that_would_outlast_it_and_grows_with_what_was_not_in_vain() {
        let mut patience = Patience::new(Duration::from_secs(10));
        assert!(patience.pause("x", None).is_ok_and(|(pause, _)| pause <= FIRST_PAUSE));
        assert_eq!(patience.pause("x", Some(Duration::from_secs(5))).unwrap().0, Duration::from_secs(5));
        let gave_up = patience.pause("busy", Some(Duration::from_secs(11))).unwrap_err();
        assert_eq!(gave_up.to_string(), "gave up after 10 s without progress; last: busy");
        patience.extend(Duration::from_secs(5));
        assert!(patience.pause("x", Some(Duration::from_secs(11))).is_ok());
    }

    #[test]
    fn an_attempt_that_the_time_limit_cut_off_hides_no_reason_before_it() {
        let mut patience = Patience::new(Duration::from_secs(10));
        assert!(patience.pause("refused", None).is_ok());
        patience.deadline = Instant::now();
        let gave_up = patience.pause("no answer in time", None).unwrap_err();
        assert_eq!(gave_up.to_string(), "gave up after 10 s without progress; last: refused");
        let mut patience = Patience::new(Duration::ZERO);
        let gave_up = patience.pause("no answer in time", None).unwrap_err();
        assert!(gave_up.to_string().ends_with("last: no answer in time"), "there was no other: {gave_up}");
    }

    #[test]
    fn a_failure_is_told_at_once_with_the_time_that_is_left_and_not_at_each_attempt() {
        let mut news = RetryNews::default();
        let minute = Duration::from_secs(59);
        let told = news.of("http://h: connection refused", minute);
        assert_eq!(told.to_string(), "waiting for http://h: connection refused, giving up in 59 s");
        assert!(told.is_news() && !news.of("http://h: connection refused", minute).is_news());
        assert!(news.of("http://h: 503", minute).is_news(), "another reason is news");
        for number in 0..2 * MAX_SAID {
            news.of(&number.to_string(), minute);
        }
        assert_eq!(news.0.len(), MAX_SAID);
    }
}
