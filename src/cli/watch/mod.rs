//! `runcast watch`: shows a run in the terminal, across reconnects, each event once.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use futures_util::SinkExt as _;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};

use self::dial::{CONNECT, DialRefused, Dialled, Dialler, Dialling, Socket, dialled};
use self::follow::{FollowedMessage, FollowedRun};
use self::input::{SocketInput, next_input};
use self::look::RunLook;
use self::output::WatchOutput;
use super::request::{AskError, Obstacle, RetryNews, tell_retry};
use super::server_url::after_text;
use super::terminal::plain;
use super::{EXIT_INTERRUPTED, ServerArgs, block_on, parse_run, request, tell};
use crate::backoff::Backoff;
use crate::protocol::close::CloseReason;
use crate::protocol::status::RunStatus;
use crate::protocol::{After, RunId};

mod attempts;
mod dial;
mod follow;
mod input;
mod look;
mod output;
mod show;
mod steering;

/// Pauses between attempts to connect, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Two warnings whose ends are no further apart are about the same end: they are told in whole seconds.
const SAME_END: Duration = Duration::from_secs(2);

/// Heartbeats without any message after which a connection counts as dead.
const SILENT_HEARTBEATS: u32 = 3;

/// `runcast watch`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Ends when the run does, unless --follow. Losses are told on stderr. After Ctrl-C stderr says \
                        how to go on from there.\n\
                        Exit codes: 0 the run ended, or the reader of the output went away; 1 the run can't be \
                        watched (stderr says why), or with --exit-status it did not pass; 2 wrong usage; 130 Ctrl-C.")]
pub struct WatchArgs {
    /// The run; it may not exist yet
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Start after this: N or epoch:N (a cursor), -N (the last N events), latest [default: the whole run]
    #[arg(long, value_name = "CURSOR", default_value = "", hide_default_value = true, allow_hyphen_values = true, value_parser = After::parse)]
    after: After,
    /// Write each event as the JSON that it is, one a line
    #[arg(long)]
    json: bool,
    /// Go on when the run has ended
    #[arg(long)]
    follow: bool,
    /// End with 1 unless the run has passed, so that a job fails with it
    #[arg(long, conflicts_with = "follow")]
    exit_status: bool,
    #[command(flatten)]
    servers: ServerArgs,
    /// Give up after so many seconds without a connection
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// Follows the run.
///
/// # Errors
/// The run can't be watched, or no longer.
pub fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let servers = args.servers.urls()?;
    let mut watch = Watching {
        look: RunLook::new(&servers, args.run.clone())?,
        dialler: Dialler::new(args.run.clone(), servers),
        run: args.run,
        follow: FollowedRun::new(args.after),
        out: WatchOutput::new(args.json),
        backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        stay: args.follow,
        patience: Duration::from_secs(args.timeout),
        socket: None,
        silence: CONNECT,
        dial_at: Some(Instant::now()),
        dialling: None,
        not_before: Instant::now(),
        disconnected_since: Instant::now(),
        news: RetryNews::default(),
        is_begun: false,
        expires: None,
    };
    let outcome = block_on(async {
        tokio::select! {
            outcome = watch.run() => Some(outcome),
            interrupted = tokio::signal::ctrl_c() => interrupted.err().map(|error| Err(error.into())),
        }
    })?;
    match outcome {
        None => watch.interrupted().map(|()| ExitCode::from(EXIT_INTERRUPTED)),
        Some(Err(error)) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Some(Err(error)) => {
            if watch.is_begun && matches!(error.downcast_ref(), Some(AskError::GaveUp { .. })) {
                watch.interrupted()?;
            }
            Err(error)
        }
        Some(Ok(())) if args.exit_status && watch.follow.status() != Some(RunStatus::Passed) => Ok(ExitCode::FAILURE),
        Some(Ok(())) => Ok(ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

struct Watching {
    run: RunId,
    look: RunLook,
    dialler: Dialler,
    follow: FollowedRun,
    out: WatchOutput,
    backoff: Backoff,
    /// Continues after the run has ended.
    stay: bool,
    patience: Duration,
    /// The connection that is being read.
    socket: Option<Socket>,
    /// Longest silence of a live connection.
    silence: Duration,
    /// The next connection: when to open it, or its opening in progress. While a node drains, the old connection is
    /// read until the new one is established.
    dial_at: Option<Instant>,
    dialling: Option<Dialling>,
    /// When the server may be asked again at the earliest, as it said.
    not_before: Instant,
    disconnected_since: Instant,
    /// What was told of failures to connect.
    news: RetryNews,
    /// Whether a connection has told of the run.
    is_begun: bool,
    /// When the rights end of which the server has warned.
    expires: Option<Instant>,
}

impl Watching {
    /// One loop serves all connections.
    async fn run(&mut self) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                input = next_input(&mut self.socket, self.silence, &mut self.out) => match input? {
                    SocketInput::Text(text) => {
                        self.take(&text).await?;
                        if self.is_done().await? {
                            self.out.flush()?;
                            close(self.socket.take()).await;
                            return Ok(());
                        }
                    }
                    SocketInput::Alive => {}
                    SocketInput::Closed(frame) => {
                        stop_if_for_good(frame.as_ref())?;
                        self.on_disconnect();
                    }
                    SocketInput::Lost(reason) => {
                        if self.dialling.is_none() && self.dial_at.is_none() {
                            tell(format_args!("connection lost ({reason}); reconnecting"));
                        }
                        self.on_disconnect();
                    }
                },
                () = due(self.dial_at) => {
                    self.dial_at = None;
                    // The cursor is read only now, so that events received meanwhile are not sent again.
                    self.dialling = Some(self.dialler.dial(self.follow.after(), self.socket.is_some()));
                }
                dialled = dialled(&mut self.dialling) => {
                    self.dialling = None;
                    match dialled {
                        Ok(Dialled { socket, first }) => {
                            close(self.socket.replace(socket)).await;
                            if let Some(first) = first {
                                self.take(&first).await?;
                            }
                        }
                        Err(refused) => self.refused(refused)?,
                    }
                }
            }
        }
    }

    /// Processes a text message.
    async fn take(&mut self, text: &str) -> anyhow::Result<()> {
        match self.follow.take(text) {
            FollowedMessage::Event => self.out.event(text)?,
            FollowedMessage::Notice(text) => {
                self.out.flush()?;
                tell(plain(&text, 500));
            }
            FollowedMessage::ComeBack(text, delay) => {
                self.out.flush()?;
                tell(plain(&text, 500));
                self.not_before = Instant::now() + delay;
            }
            FollowedMessage::Connected { heartbeat, is_part, is_empty } => {
                self.backoff.reset();
                self.silence = heartbeat.max(Duration::from_secs(1)) * SILENT_HEARTBEATS;
                if !std::mem::replace(&mut self.is_begun, true) {
                    self.begin(is_part, is_empty).await;
                }
            }
            FollowedMessage::Draining(delay) => {
                if self.dialling.is_none() && self.dial_at.is_none() {
                    self.dial_at = Some(Instant::now() + delay);
                }
            }
            FollowedMessage::Expiring { left, delay } => self.renew(left, delay),
            FollowedMessage::Nothing => {}
        }
        Ok(())
    }

    /// Goes on with another credential in time, unless the one of this connection is that already: then there is none.
    fn renew(&mut self, left: Duration, delay: Duration) {
        let ends = Instant::now() + left;
        // One that is being opened already may have the credential of before: it is told itself.
        if self.dialling.is_some() || self.expires.is_some_and(|told| ends <= told + SAME_END) {
            return;
        }
        self.expires = Some(ends);
        self.dial_at.get_or_insert(Instant::now() + delay);
    }

    /// Learns what the events to come will not tell, because it was told before them.
    async fn begin(&mut self, is_part: bool, is_empty: bool) {
        if is_empty {
            tell(format_args!("waiting for run {}, which has no event yet", self.run));
        }
        if !is_part {
            return;
        }
        if let Some(state) = self.look.state().await {
            self.follow.learn(state.status());
        }
        if let Some(printer) = self.out.printer() {
            self.look.titles(|test, title| printer.learn_title(test, &title)).await;
        }
    }

    /// Whether the run is over, and is not to be followed any longer. Then its summary is written.
    async fn is_done(&mut self) -> anyhow::Result<bool> {
        if self.stay || !self.follow.is_over() {
            return Ok(false);
        }
        self.out.flush()?;
        // A node that has not heard of the last events knows less than we do.
        let state = self.look.state().await.filter(|state| self.follow.seq().is_none_or(|seq| seq <= state.seq()));
        if let Some(state) = &state {
            self.follow.learn(state.status());
            self.follow.reaches(state.seq());
            if !self.follow.is_over() {
                return Ok(false);
            }
        }
        let status = self.follow.status().map_or("ended", RunStatus::as_str);
        let summary = state.map_or_else(|| status.to_owned(), |state| state.summary());
        self.out.summary(&format!("{}: {summary}", self.run))?;
        Ok(true)
    }

    /// Says how to go on.
    fn interrupted(&mut self) -> anyhow::Result<()> {
        match self.out.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        let after = after_text(self.follow.after());
        let after = if after.is_empty() { after } else { format!(" --after {after}") };
        tell(format_args!("stopped; to go on from here: runcast watch {}{after}", self.run));
        Ok(())
    }

    /// Handles the end of the connection. It reconnects at once, even if a draining node had named a later time.
    fn on_disconnect(&mut self) {
        self.socket = None;
        self.disconnected_since = Instant::now();
        if self.dialling.is_none() {
            self.redial();
        }
    }

    fn redial(&mut self) {
        let soon = (Instant::now() + self.backoff.pause()).max(self.not_before);
        self.dial_at = Some(self.dial_at.map_or(soon, |at| at.min(soon)));
    }

    fn refused(&mut self, refused: DialRefused) -> anyhow::Result<()> {
        let server = self.dialler.last().clone();
        let reason = match refused {
            DialRefused::Failed(tungstenite::Error::Http(response)) if is_for_good(response.status()) => {
                let detail = request::problem(response.body().as_deref().unwrap_or_default());
                bail!("{server} refused with {}: {detail}", response.status());
            }
            DialRefused::Failed(tungstenite::Error::Http(response)) => response.status().to_string(),
            DialRefused::Failed(error) => match Obstacle::of(&error) {
                Obstacle { reason, may_pass: false } if self.dialler.is_alone() => {
                    return Err(AskError::Unreachable(format!("{server}: {reason}{}", server.origin_hint())).into());
                }
                Obstacle { reason, .. } => reason,
            },
            DialRefused::Closed(frame) => {
                stop_if_for_good(frame.as_ref())?;
                frame.map_or_else(|| "ended".into(), |frame| plain(&frame.reason, 200))
            }
        };
        let mut reason = format!("{server}: {reason}");
        if self.socket.is_none() {
            let left = self.patience.saturating_sub(self.disconnected_since.elapsed());
            if left.is_zero() {
                if reason.ends_with("connection refused") {
                    reason += server.absence_hint();
                }
                return Err(AskError::GaveUp { patience: self.patience, last: reason }.into());
            }
            tell_retry(&self.news.of(&reason, left));
        }
        self.redial();
        Ok(())
    }
}

/// Returns an error for a close code after which a reconnect would be pointless.
fn stop_if_for_good(frame: Option<&CloseFrame>) -> anyhow::Result<()> {
    let Some(frame) = frame else { return Ok(()) };
    let code = u16::from(frame.code);
    let reason = CloseReason::ALL.iter().find(|reason| reason.code() == Some(code));
    if reason.is_some_and(|reason| !reason.may_reconnect()) {
        bail!("the server closed the connection: {code} {}", plain(&frame.reason, 200));
    }
    Ok(())
}

/// Pends until `at`; for ever if there is none.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Sends a close frame, but does not wait for the answer.
async fn close(socket: Option<Socket>) {
    if let Some(mut socket) = socket {
        let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(None))).await;
    }
}

/// Whether a retry of the refused upgrade would be refused too.
fn is_for_good(status: tungstenite::http::StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429)
}
