//! `runcast watch`: shows a run in the terminal, across reconnects, each event once.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};

use self::dial::{CONNECT, DialRefused, Dialled, Dialler, Dialling, Socket, dialled};
use self::follow::{FollowedMessage, FollowedRun};
use self::show::EventPrinter;
use super::terminal::{plain, plain_json};
use super::{ServerArgs, block_on, parse_run, request, tell};
use crate::backoff::Backoff;
use crate::protocol::close::CloseReason;
use crate::protocol::{After, RunId};

mod attempts;
mod dial;
mod follow;
mod show;
mod steering;

/// Pauses between attempts to connect, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Heartbeats without any message after which a connection counts as dead.
const SILENT_HEARTBEATS: u32 = 3;

/// `runcast watch`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Ends when the run does, unless --follow. Losses are told on stderr.\n\
                        Exit codes: 0 the run ended, or the reader of the output went away; 1 the run can't be \
                        watched (stderr says why); 2 wrong usage.")]
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
    let out = io::stdout();
    let terminal = out.is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none();
    let format = if args.json { Format::Json { terminal } } else { Format::Lines(EventPrinter::new(colours).into()) };
    let out = WatchOutput { out: io::BufWriter::new(out), format };
    let mut watch = Watching {
        dialler: Dialler::new(args.run, args.servers.url),
        follow: FollowedRun::new(args.after),
        out,
        backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        stay: args.follow,
        patience: Duration::from_secs(args.timeout),
        socket: None,
        silence: CONNECT,
        dial_at: Some(Instant::now()),
        dialling: None,
        disconnected_since: Instant::now(),
    };
    match block_on(watch.run())? {
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        outcome => outcome.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

struct Watching {
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
    disconnected_since: Instant,
}

/// What a connection delivered.
enum Input {
    Text(Utf8Bytes),
    /// A ping or a screen frame, which only shows that the connection is alive.
    Alive,
    Closed(Option<CloseFrame>),
    Lost(String),
}

impl Watching {
    /// One loop serves all connections.
    async fn run(&mut self) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                input = next_input(&mut self.socket, self.silence, &mut self.out) => match input? {
                    Input::Text(text) => {
                        if self.take(&text)? {
                            self.out.flush()?;
                            close(self.socket.take()).await;
                            return Ok(());
                        }
                    }
                    Input::Alive => {}
                    Input::Closed(frame) => {
                        stop_if_for_good(frame.as_ref())?;
                        self.on_disconnect();
                    }
                    Input::Lost(reason) => {
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
                                self.take(&first)?;
                            }
                        }
                        Err(refused) => self.refused(refused)?,
                    }
                }
            }
        }
    }

    /// Processes a text message. Returns whether the command is done: the run is over, and `--follow` was not given.
    fn take(&mut self, text: &str) -> anyhow::Result<bool> {
        match self.follow.take(text) {
            FollowedMessage::Event => {
                self.out.event(text)?;
                return Ok(self.follow.is_over() && !self.stay);
            }
            FollowedMessage::Notice(text) => {
                self.out.flush()?;
                tell(plain(&text, 500));
            }
            FollowedMessage::Connected(heartbeat) => {
                self.backoff.reset();
                self.silence = heartbeat.max(Duration::from_secs(1)) * SILENT_HEARTBEATS;
            }
            FollowedMessage::Draining(delay) => {
                if self.dialling.is_none() && self.dial_at.is_none() {
                    self.dial_at = Some(Instant::now() + delay);
                }
            }
            FollowedMessage::Nothing => {}
        }
        Ok(false)
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
        let soon = Instant::now() + self.backoff.pause();
        self.dial_at = Some(self.dial_at.map_or(soon, |at| at.min(soon)));
    }

    fn refused(&mut self, refused: DialRefused) -> anyhow::Result<()> {
        let reason = match refused {
            DialRefused::Failed(tungstenite::Error::Http(response)) if is_for_good(response.status()) => {
                let detail = request::problem(response.body().as_deref().unwrap_or_default());
                bail!("the server refused with {}: {detail}", response.status());
            }
            DialRefused::Failed(error) => plain_error(&error),
            DialRefused::Closed(frame) => {
                stop_if_for_good(frame.as_ref())?;
                frame.map_or_else(|| "ended".into(), |frame| plain(&frame.reason, 200))
            }
        };
        if self.socket.is_none() && self.disconnected_since.elapsed() > self.patience {
            bail!("no connection for {} s; last: {reason}", self.patience.as_secs());
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

/// Returns what the connection delivers next; pends for ever if there is none. Flushes the output before it waits.
async fn next_input(socket: &mut Option<Socket>, silence: Duration, out: &mut WatchOutput) -> io::Result<Input> {
    let Some(socket) = socket else { return std::future::pending().await };
    let message = match socket.next().now_or_never() {
        Some(message) => message,
        None => {
            out.flush()?;
            match timeout(silence, socket.next()).await {
                Ok(message) => message,
                Err(_) => return Ok(Input::Lost(format!("silent for {} s", silence.as_secs()))),
            }
        }
    };
    Ok(match message {
        Some(Ok(Message::Text(text))) => Input::Text(text),
        Some(Ok(Message::Close(frame))) => Input::Closed(frame),
        Some(Ok(_)) => Input::Alive,
        Some(Err(error)) => Input::Lost(plain_error(&error)),
        None => Input::Lost("ended".into()),
    })
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

fn plain_error(error: &tungstenite::Error) -> String {
    plain(&error.to_string(), 200)
}

enum Format {
    /// The events as received; on a terminal with control characters escaped, which is the same JSON value.
    Json {
        terminal: bool,
    },
    Lines(Box<EventPrinter>),
}

struct WatchOutput {
    out: io::BufWriter<io::Stdout>,
    format: Format,
}

impl WatchOutput {
    fn event(&mut self, event: &str) -> io::Result<()> {
        match &mut self.format {
            Format::Json { terminal: false } => writeln!(self.out, "{event}"),
            Format::Json { terminal: true } => writeln!(self.out, "{}", plain_json(event)),
            Format::Lines(show) => writeln!(self.out, "{}", show.line(event)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
