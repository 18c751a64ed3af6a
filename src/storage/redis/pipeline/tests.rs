use super::*;
use crate::budget::Budget;

const TIMEOUT: Duration = Duration::from_secs(2);

type Answer = oneshot::Receiver<Result<Reply, RedisError>>;

/// A pipeline, the clock that it is given, and the commands that it has sent.
struct Bench {
    pipeline: Pipeline,
    began: Instant,
    sent: u64,
}

impl Bench {
    fn new() -> Self {
        let began = Instant::now();
        Self { pipeline: Pipeline::new(TIMEOUT, began, Counter::noop()), began, sent: 0 }
    }

    fn at(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms)
    }

    fn call(&mut self, name: &str, deadline_ms: u64) -> Answer {
        let (reply, answer) = oneshot::channel();
        let share = Share::take(&Budget::new(1), &Budget::new(0), 0, &metrics::Gauge::noop()).unwrap();
        let deadline = self.at(deadline_ms);
        self.pipeline.push(Call { command: RedisCommand::new(name), deadline, reply, share });
        answer
    }

    /// Sends one command, of 10 bytes.
    fn send(&mut self) -> Option<String> {
        let sent = self.pipeline.send_next(self.sent);
        self.sent += 10 * u64::from(sent.is_some());
        sent.map(|command| format!("{command:?}").chars().skip(8).take(1).collect())
    }

    fn expire(&mut self, ms: u64) -> Result<bool, String> {
        self.pipeline.expire(self.at(ms), self.sent)
    }

    fn hear(&mut self, ms: u64) {
        self.pipeline.heard(self.at(ms));
    }
}

fn number(n: i64) -> Reply {
    Reply::Integer(n)
}

fn unknown(answer: &mut Answer) -> bool {
    matches!(answer.try_recv(), Ok(Err(RedisError::OutcomeUnknown(_))))
}

fn unavailable(answer: &mut Answer) -> bool {
    matches!(answer.try_recv(), Ok(Err(RedisError::Unavailable(_))))
}

#[test]
fn replies_go_to_commands_in_order_and_nobody_gets_anothers() {
    let mut bench = Bench::new();
    let mut first = bench.call("A", 2_000);
    let second = bench.call("B", 2_000);
    let mut third = bench.call("C", 2_000);
    assert_eq!([bench.send(), bench.send(), bench.send(), bench.send()].concat_names(), "ABC");
    drop(second); // its caller stops waiting, and it keeps its position
    for n in 1..=3 {
        bench.pipeline.answer(number(n)).unwrap();
    }
    assert_eq!(first.try_recv().unwrap(), Ok(number(1)));
    assert_eq!(third.try_recv().unwrap(), Ok(number(3)));
    assert!(bench.pipeline.answer(number(4)).unwrap_err().contains("nobody asked"));
}

#[test]
fn a_command_that_nobody_waits_for_is_not_sent() {
    let mut bench = Bench::new();
    drop(bench.call("A", 2_000));
    let _b = bench.call("B", 2_000);
    assert_eq!([bench.send(), bench.send()].concat_names(), "B");
}

#[test]
fn one_missed_deadline_is_forgiven_and_its_late_reply_dropped() {
    let mut bench = Bench::new();
    let mut late = bench.call("A", 1_000);
    bench.send();
    assert_eq!(bench.pipeline.due(), bench.at(1_000));
    assert_eq!(bench.expire(1_000), Ok(false));
    assert!(unknown(&mut late));
    bench.hear(1_500);
    bench.pipeline.answer(number(1)).unwrap();
    // The reply was a sign of life, so one more deadline may be missed.
    let mut again = bench.call("B", 2_500);
    bench.send();
    assert_eq!(bench.expire(2_500), Ok(false));
    assert!(unknown(&mut again));
}

#[test]
fn two_missed_deadlines_in_a_row_condemn_the_connection() {
    let mut bench = Bench::new();
    let mut first = bench.call("A", 1_000);
    let mut second = bench.call("B", 1_200);
    let mut third = bench.call("C", 2_000);
    let mut fourth = bench.call("D", 2_000);
    for _ in 0..3 {
        bench.send();
    }
    assert_eq!(bench.expire(1_000), Ok(false));
    assert_eq!(bench.pipeline.due(), bench.at(1_200));
    let reason = bench.expire(1_200).unwrap_err();
    assert_eq!(reason, "2 commands in a row without a reply in time");
    bench.pipeline.lose(&reason, 20);
    assert!(unknown(&mut first) && unknown(&mut second));
    // Three commands were encoded, of which the socket took two. The fourth was never encoded.
    assert!(unavailable(&mut third) && unavailable(&mut fourth));
}

#[test]
fn half_a_command_written_may_have_run() {
    let mut bench = Bench::new();
    let (mut first, mut second) = (bench.call("A", 1_000), bench.call("B", 1_000));
    bench.send();
    bench.send();
    bench.pipeline.lose("cut", 11);
    assert_eq!(first.try_recv().unwrap(), Err(RedisError::OutcomeUnknown("cut".to_owned())));
    assert_eq!(second.try_recv().unwrap(), Err(RedisError::OutcomeUnknown("cut".to_owned())));
}

#[test]
fn what_could_not_be_sent_by_its_deadline_did_not_run() {
    let mut bench = Bench::new();
    let mut stuck = bench.call("A", 1_000);
    let mut later = bench.call("B", 3_000);
    assert_eq!(bench.expire(1_000), Ok(false));
    assert!(unavailable(&mut stuck));
    assert!(later.try_recv().is_err());
    assert_eq!(bench.pipeline.due(), bench.at(3_000));
    assert!(bench.expire(3_000).unwrap_err().contains("2 commands in a row"));
}

#[test]
fn silence_is_broken_by_a_ping() {
    let mut bench = Bench::new();
    assert_eq!(bench.pipeline.due(), bench.at(5_000));
    assert_eq!(bench.expire(5_000), Ok(true));
    assert_eq!(bench.pipeline.due(), bench.at(7_000));
    bench.hear(5_100);
    bench.pipeline.answer(Reply::SimpleString("PONG".to_owned())).unwrap();
    assert_eq!(bench.expire(7_000), Ok(false));
    assert_eq!(bench.pipeline.due(), bench.at(10_100));
    // Any reply will do.
    bench.hear(9_000);
    assert_eq!(bench.expire(10_100), Ok(false));
    assert_eq!(bench.pipeline.due(), bench.at(14_000));
}

#[test]
fn a_missed_ping_condemns_the_connection() {
    let mut bench = Bench::new();
    assert_eq!(bench.expire(5_000), Ok(true));
    assert_eq!(bench.expire(6_999), Ok(false));
    assert_eq!(bench.expire(7_000).unwrap_err(), "no answer to PING within 2s");
}

#[test]
fn a_ping_goes_out_also_behind_one_command_that_is_never_answered() {
    let mut bench = Bench::new();
    let mut lost = bench.call("A", 2_000);
    bench.send();
    assert_eq!(bench.expire(2_000), Ok(false));
    assert!(unknown(&mut lost));
    assert_eq!(bench.expire(5_000), Ok(true));
    assert!(bench.expire(7_000).is_err());
}

#[test]
fn bytes_of_an_unfinished_reply_are_a_sign_of_life() {
    let mut bench = Bench::new();
    let (_a, _b) = (bench.call("A", 2_000), bench.call("B", 3_000));
    bench.send();
    bench.send();
    assert_eq!(bench.expire(2_000), Ok(false));
    bench.hear(2_500);
    assert_eq!(bench.expire(3_000), Ok(false));
}

#[test]
fn it_is_idle_when_no_caller_waits() {
    let mut bench = Bench::new();
    assert!(bench.pipeline.is_idle());
    let _a = bench.call("A", 1_000);
    assert!(bench.pipeline.has_waiting() && !bench.pipeline.is_idle());
    bench.send();
    assert!(!bench.pipeline.has_waiting() && !bench.pipeline.is_idle());
    bench.expire(1_000).unwrap();
    assert!(bench.pipeline.is_idle());
}

trait Names {
    fn concat_names(self) -> String;
}

impl<const N: usize> Names for [Option<String>; N] {
    fn concat_names(self) -> String {
        self.into_iter().flatten().collect()
    }
}
