//! An HTTP server that gives the answers it was told to, in order, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::DEADLINE;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status line's rest, headers, body.
    Say(&'static str, &'static str, String),
    /// Close the connection without a word.
    HangUp,
}

pub(crate) struct HttpDouble {
    pub(crate) url: String,
    requests: UnboundedReceiver<Request>,
}

impl HttpDouble {
    /// Gives `answers` in order; the last one again and again.
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        Self::start_with(answers, |_| ())
    }

    /// The same; `before` sees each request before it is answered.
    pub(crate) fn start_with(answers: Vec<Answer>, before: impl Fn(&Request) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = unbounded_channel();
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let answer = &answers[index.min(answers.len() - 1)];
                if serve(stream.unwrap(), answer, &before, &sender).is_none() {
                    return;
                }
            }
        });
        Self { url, requests }
    }

    /// The next request, when it comes.
    pub(crate) async fn next(&mut self) -> Request {
        timeout(DEADLINE, self.requests.recv()).await.expect("no request came").unwrap()
    }

    /// All requests so far.
    pub(crate) fn taken(&mut self) -> Vec<Request> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }
}

/// One request per connection. `None`: the test is over.
fn serve(
    stream: TcpStream,
    answer: &Answer,
    before: &impl Fn(&Request),
    requests: &UnboundedSender<Request>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return Some(());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<_> = lines.iter().skip(1).filter_map(header).collect();
    let request = Request { line: lines.swap_remove(0), headers, body: Vec::new() };
    let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let request = Request { body, ..request };
    before(&request);
    requests.send(request).ok()?;
    if let Answer::Say(status, headers, body) = answer {
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        let mut stream = reader.into_inner();
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
    Some(())
}
