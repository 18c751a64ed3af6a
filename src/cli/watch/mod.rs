//! `runcast watch`: a run in the terminal, across reconnects, each event once.

use std::io::{self, IsTerminal as _, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use self::follow::{Follow, Seen};
use self::show::Show;
use super::server_url::after_text;
use super::terminal::{plain, plain_json};
use super::{ServerUrl, block_on, parse_run, post, tell};
use crate::backoff::Backoff;
use crate::protocol::close::CloseReason;
use crate::protocol::{After, RunId};

mod follow;
mod show;

/// Pauses between attempts to connect, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection is dead when it was silent for so many heartbeats.
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
    /// The server
    #[arg(
        long,
        env = "RUNCAST_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:3001",
        value_name = "URL"
    )]
    url: ServerUrl,
    /// Give up after so many seconds without a connection
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// Follows the run.
///
/// # Errors
/// When it can't be watched (any more).
pub fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let out = io::stdout();
    let terminal = out.is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none();
    let format = if args.json { Format::Json { terminal } } else { Format::Lines(Show::new(colours)) };
    let out = Output { out: io::BufWriter::new(out), format };
    let mut watch = Watch {
        follow: Follow::new(args.after),
        out,
        backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        patience: Duration::from_secs(args.timeout),
        args,
    };
    match block_on(watch.run())? {
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        outcome => outcome.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Dialling = Pin<Box<dyn Future<Output = Result<Socket, tungstenite::Error>>>>;

struct Watch {
    args: WatchArgs,
    follow: Follow,
    out: Output,
    backoff: Backoff,
    patience: Duration,
}

/// What a connection brought.
enum Heard {
    Text(tungstenite::Utf8Bytes),
    /// A ping, a screen frame: a sign of life.
    Life,
    Closed(Option<CloseFrame>),
    Lost(String),
}

impl Watch {
    /// One loop for all connections: `socket` is the one that is read, `next` the one that is to replace it. While a
    /// node drains there are both, so that the old one is read until the new one stands.
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut socket: Option<Socket> = None;
        let mut next = Some(self.dial(Duration::ZERO));
        let mut alone_since = Instant::now();
        let mut silence = CONNECT;
        loop {
            tokio::select! {
                heard = hear(&mut socket, silence, &mut self.out) => match heard? {
                    Heard::Text(text) => match self.follow.take(&text) {
                        Seen::Event => {
                            self.out.event(&text)?;
                            if self.follow.is_over() && !self.args.follow {
                                self.out.flush()?;
                                close(socket.take()).await;
                                return Ok(());
                            }
                        }
                        Seen::Notice(text) => {
                            self.out.flush()?;
                            tell(plain(&text, 500));
                        }
                        Seen::Connected(heartbeat) => {
                            self.backoff.reset();
                            silence = heartbeat.max(Duration::from_secs(1)) * SILENT_HEARTBEATS;
                        }
                        Seen::Draining(delay) => next = next.or_else(|| Some(self.dial(delay))),
                        Seen::Nothing => {}
                    },
                    Heard::Life => {}
                    Heard::Closed(frame) => {
                        socket = None;
                        alone_since = Instant::now();
                        self.stop_if_for_good(frame.as_ref())?;
                        next = next.or_else(|| Some(self.redial()));
                    }
                    Heard::Lost(why) => {
                        socket = None;
                        alone_since = Instant::now();
                        if next.is_none() {
                            tell(format_args!("connection lost ({why}); reconnecting"));
                            next = Some(self.redial());
                        }
                    }
                },
                dialled = dialled(&mut next) => {
                    next = None;
                    match dialled {
                        Ok(new) => close(socket.replace(new)).await,
                        Err(tungstenite::Error::Http(response)) if is_for_good(response.status()) => {
                            let detail = post::problem(response.body().as_deref().unwrap_or_default());
                            bail!("the server refused with {}: {detail}", response.status());
                        }
                        Err(error) => {
                            if socket.is_none() && alone_since.elapsed() > self.patience {
                                bail!("no connection for {} s; last: {}", self.patience.as_secs(), plain_error(&error));
                            }
                            next = Some(self.redial());
                        }
                    }
                }
            }
        }
    }

    fn dial(&self, delay: Duration) -> Dialling {
        let url = self.args.url.live(&self.args.run, &after_text(self.follow.after()));
        Box::pin(async move {
            sleep(delay).await;
            match timeout(CONNECT, connect_async(url.as_str())).await {
                Ok(connected) => connected.map(|(socket, _)| socket),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }

    fn redial(&mut self) -> Dialling {
        let pause = self.backoff.pause();
        self.dial(pause)
    }

    /// A close code after which coming back would be pointless ends the command.
    fn stop_if_for_good(&self, frame: Option<&CloseFrame>) -> anyhow::Result<()> {
        let Some(frame) = frame else { return Ok(()) };
        let code = u16::from(frame.code);
        let reason = CloseReason::ALL.iter().find(|reason| reason.code() == Some(code));
        if reason.is_some_and(|reason| !reason.come_back()) {
            bail!("the server closed the connection: {code} {}", plain(&frame.reason, 200));
        }
        Ok(())
    }
}

/// The next thing that a connection brings; pends for ever when there is none. Flushes the output before it waits.
async fn hear(socket: &mut Option<Socket>, silence: Duration, out: &mut Output) -> io::Result<Heard> {
    let Some(socket) = socket else { return std::future::pending().await };
    let message = match socket.next().now_or_never() {
        Some(message) => message,
        None => {
            out.flush()?;
            match timeout(silence, socket.next()).await {
                Ok(message) => message,
                Err(_) => return Ok(Heard::Lost(format!("silent for {} s", silence.as_secs()))),
            }
        }
    };
    Ok(match message {
        Some(Ok(Message::Text(text))) => Heard::Text(text),
        Some(Ok(Message::Close(frame))) => Heard::Closed(frame),
        Some(Ok(_)) => Heard::Life,
        Some(Err(error)) => Heard::Lost(plain_error(&error)),
        None => Heard::Lost("ended".into()),
    })
}

async fn dialled(next: &mut Option<Dialling>) -> Result<Socket, tungstenite::Error> {
    match next {
        Some(next) => next.await,
        None => std::future::pending().await,
    }
}

/// Says goodbye, but does not wait for the answer.
async fn close(socket: Option<Socket>) {
    if let Some(mut socket) = socket {
        let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(None))).await;
    }
}

/// Whether a refused upgrade would be refused again.
fn is_for_good(status: tungstenite::http::StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429)
}

fn plain_error(error: &tungstenite::Error) -> String {
    plain(&error.to_string(), 200)
}

enum Format {
    /// The events as they came; on a terminal with what would act there spelt out, which is the same JSON value.
    Json {
        terminal: bool,
    },
    Lines(Show),
}

struct Output {
    out: io::BufWriter<io::Stdout>,
    format: Format,
}

impl Output {
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
