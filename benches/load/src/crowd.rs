//! Many WebSocket viewers on few threads, with one epoll and one read buffer per thread, so that the client uses little
//! of the CPU that it shares with the measured server.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::{
    event::{Timespec, epoll},
    fd::OwnedFd,
};

use crate::{
    Site,
    clock::Clock,
    http::Connection,
    target::Target,
    viewer::{KEY, Phase, ReadContext, Viewer},
};

/// Handshakes in flight per thread; fewer than any server's listen queue, so that no SYN is dropped.
const MAX_PENDING: usize = 256;
/// Time without a delivery after which the remaining events count as missing, unless a scenario is more patient.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Time in which all viewers have to be subscribed, unless a scenario is more patient.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);
const READ_BUFFER: usize = 256 * 1024;

/// The viewers to connect.
pub struct Plan {
    /// Path and query of the WebSocket.
    pub path: String,
    /// Number of viewers.
    pub viewers: usize,
    /// Every Nth viewer reads stamps (latency and order); the others only count frames. 0: none.
    pub sample_every: usize,
    /// Whether they continue to read once they are subscribed.
    pub reading: bool,
}

/// Viewers that are connected or connecting.
pub struct Crowd {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<Receipts>>>,
    viewers: usize,
}

/// The events that the viewers received.
#[derive(Default)]
pub struct Receipts {
    /// Number of events per viewer.
    pub events: Vec<u64>,
    /// Nanoseconds from publishing to receipt, for sampled viewers since [`Crowd::measure`].
    pub latencies: Vec<u64>,
    /// Events of sampled viewers that were out of sequence.
    pub disordered: u64,
}

impl Receipts {
    /// Number of missing and of surplus deliveries, over all viewers.
    pub fn differences(&self, expected: u64) -> (u64, u64) {
        let missing = self.events.iter().map(|got| expected.saturating_sub(*got)).sum();
        let extra = self.events.iter().map(|got| got.saturating_sub(expected)).sum();
        (missing, extra)
    }
}

#[derive(Default)]
struct Shared {
    greeted: AtomicUsize,
    events: AtomicU64,
    reads: AtomicU64,
    measure_from: AtomicU64,
    stop: AtomicBool,
    failed: AtomicBool,
}

impl Crowd {
    /// Starts to connect, and returns at once.
    pub fn start(site: &Site, plan: &Plan) -> Self {
        let shared = Arc::new(Shared { measure_from: AtomicU64::new(u64::MAX), ..Shared::default() });
        let threads = site.threads.min(plan.viewers.max(1));
        let threads = (0..threads)
            .map(|index| {
                let share = plan.viewers / threads + usize::from(index < plan.viewers % threads);
                let mut reader = Reader::new(site, plan, share, shared.clone());
                thread::spawn(move || {
                    let outcome = reader.run();
                    reader.shared.failed.fetch_or(outcome.is_err(), Relaxed);
                    outcome.map(|()| reader.receipts())
                })
            })
            .collect();
        Self { shared, threads, viewers: plan.viewers }
    }

    /// Connects a crowd, and waits until the server reports every viewer of `run` as subscribed.
    pub fn subscribed(site: &Site, plan: &Plan, run: &str) -> Result<Self> {
        Self::subscribed_within(JOIN_TIMEOUT, site, plan, run)
    }

    /// As [`Crowd::subscribed`], with a patience of the caller's.
    pub fn subscribed_within(patience: Duration, site: &Site, plan: &Plan, run: &str) -> Result<Self> {
        let crowd = Self::start(site, plan);
        let deadline = Instant::now() + patience;
        let mut connection = Connection::open(site.addr)?;
        loop {
            let greeted = crowd.shared.greeted.load(Relaxed);
            if crowd.shared.failed.load(Relaxed) {
                return Err(crowd.failure());
            }
            if greeted == crowd.viewers
                && site.target.subscribers(&mut connection, run)?.is_none_or(|count| count >= crowd.viewers as u64)
            {
                return Ok(crowd);
            }
            if Instant::now() > deadline {
                bail!("after {} s only {greeted} of {} viewers are subscribed", patience.as_secs(), crowd.viewers);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Measures the latencies of events published from `now` on.
    pub fn measure(&self, now: u64) {
        self.shared.measure_from.store(now, Relaxed);
    }

    /// Events that all viewers have received so far.
    pub fn events(&self) -> u64 {
        self.shared.events.load(Relaxed)
    }

    /// Reads so far. There are fewer reads than events if viewers lag and the kernel merges deliveries.
    pub fn reads(&self) -> u64 {
        self.shared.reads.load(Relaxed)
    }

    /// Waits until each viewer has received `each` events, or none has arrived for 10 s. The receipts tell what is
    /// missing.
    pub fn wait_events(&self, each: u64) {
        self.wait_events_within(DELIVERY_TIMEOUT, each);
    }

    /// As [`Crowd::wait_events`], with a patience of the caller's.
    pub fn wait_events_within(&self, patience: Duration, each: u64) {
        let total = each * self.viewers as u64;
        let (mut last, mut since) = (self.events(), Instant::now());
        while self.events() < total && since.elapsed() < patience && !self.shared.failed.load(Relaxed) {
            thread::sleep(Duration::from_millis(1));
            let now = self.events();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// Disconnects all viewers and adds up their receipts.
    pub fn leave(self) -> Result<Receipts> {
        self.shared.stop.store(true, Relaxed);
        let mut sum = Receipts::default();
        for thread in self.threads {
            let part = thread.join().map_err(|_| anyhow!("a reader thread panicked"))??;
            sum.events.extend(part.events);
            sum.latencies.extend(part.latencies);
            sum.disordered += part.disordered;
        }
        Ok(sum)
    }

    fn failure(self) -> anyhow::Error {
        self.leave().err().unwrap_or_else(|| anyhow!("a reader thread failed"))
    }
}

/// The viewers of one thread.
struct Reader {
    target: Target,
    addr: SocketAddr,
    clock: Clock,
    request: Vec<u8>,
    share: usize,
    sample_every: usize,
    reading: bool,
    viewers: Vec<Viewer>,
    greeted: usize,
    latencies: Vec<u64>,
    shared: Arc<Shared>,
}

impl Reader {
    fn new(site: &Site, plan: &Plan, share: usize, shared: Arc<Shared>) -> Self {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n",
            plan.path, site.addr
        );
        Self {
            target: site.target,
            addr: site.addr,
            clock: site.clock,
            request: request.into_bytes(),
            share,
            sample_every: plan.sample_every,
            reading: plan.reading,
            viewers: Vec::with_capacity(share),
            greeted: 0,
            latencies: Vec::new(),
            shared,
        }
    }

    fn run(&mut self) -> Result<()> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut ready = Vec::with_capacity(1024);
        let mut buffer = vec![0; READ_BUFFER];
        let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        while !self.shared.stop.load(Relaxed) {
            while self.viewers.len() < self.share && self.viewers.len() - self.greeted < MAX_PENDING {
                self.connect(&poll)?;
            }
            ready.clear();
            match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut ready), Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut events = 0;
            for event in &ready {
                events += self.read(&poll, event.data.u64() as usize, &mut buffer)?;
            }
            self.shared.events.fetch_add(events, Relaxed);
            self.shared.reads.fetch_add(ready.len() as u64, Relaxed);
        }
        Ok(())
    }

    fn connect(&mut self, poll: &OwnedFd) -> Result<()> {
        let mut stream = TcpStream::connect(self.addr).with_context(|| format!("connecting to {}", self.addr))?;
        stream.set_nodelay(true)?;
        stream.write_all(&self.request)?;
        stream.set_nonblocking(true)?;
        let index = self.viewers.len();
        epoll::add(poll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        let sampled = self.sample_every != 0 && index.is_multiple_of(self.sample_every);
        self.viewers.push(Viewer::new(stream, sampled));
        Ok(())
    }

    /// Reads once from a viewer, and returns the number of events.
    fn read(&mut self, poll: &OwnedFd, index: usize, buffer: &mut [u8]) -> Result<u64> {
        let viewer = &mut self.viewers[index];
        let got = match viewer.stream.read(buffer) {
            Ok(0) => bail!("the server closed viewer {index} after {} events", viewer.events),
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(0),
            Err(error) => return Err(error).with_context(|| format!("viewer {index} after {} events", viewer.events)),
        };
        let before = (viewer.events, viewer.phase);
        let mut joined = std::mem::take(&mut viewer.rest);
        let bytes = if joined.is_empty() {
            &buffer[..got]
        } else {
            joined.extend_from_slice(&buffer[..got]);
            &joined
        };
        let mut context = ReadContext {
            target: self.target,
            received: if viewer.sampled { self.clock.now() } else { 0 },
            measure_from: self.shared.measure_from.load(Relaxed),
            latencies: &mut self.latencies,
        };
        let used = viewer.take(bytes, &mut context).with_context(|| format!("viewer {index}"))?;
        if used < bytes.len() {
            viewer.rest = bytes[used..].to_vec();
        }
        if before.1 != Phase::Greeted && viewer.phase == Phase::Greeted {
            if !self.reading {
                epoll::delete(poll, &viewer.stream)?;
            }
            self.greeted += 1;
            self.shared.greeted.fetch_add(1, Relaxed);
        }
        Ok(viewer.events - before.0)
    }

    fn receipts(&mut self) -> Receipts {
        Receipts {
            events: self.viewers.iter().map(|viewer| viewer.events).collect(),
            latencies: std::mem::take(&mut self.latencies),
            disordered: self.viewers.iter().map(|viewer| viewer.disordered).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::{event::Stamp, process::Server, viewer::ACCEPT};

    const GREETING: &[u8] = br#"{"type":"connected","tip":0}"#;

    fn message(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x81, 126];
        frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    }

    fn event(seq: u64, number: u64) -> Vec<u8> {
        let mut posted = Vec::new();
        crate::event::write(&mut posted, Stamp { sent: 7, number }, 128);
        message(&[format!(r#"{{"seq":{seq},"#).as_bytes(), &posted[1..]].concat())
    }

    /// A peer that upgrades each viewer and writes it `bytes` in small pieces, then waits for it to leave.
    fn peer(viewers: usize, bytes: Vec<u8>) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().take(viewers) {
                let (mut stream, bytes) = (stream.unwrap(), bytes.clone());
                thread::spawn(move || {
                    stream.set_nodelay(true).unwrap();
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).unwrap();
                    let answer = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
                    for piece in [answer.as_bytes(), &bytes].concat().chunks(37) {
                        stream.write_all(piece).unwrap();
                    }
                    while stream.read(&mut request).is_ok_and(|got| got > 0) {}
                });
            }
        });
        Site {
            target: Target::Runcast,
            addr,
            publish_addr: addr,
            server: Server::new(vec![]),
            threads: 2,
            clock: Clock::start(),
        }
    }

    fn plan(viewers: usize) -> Plan {
        Plan { path: "/ws/runs/r?after=latest".into(), viewers, sample_every: 1, reading: true }
    }

    #[test]
    fn events_are_counted_once_each_and_the_servers_own_messages_are_not() {
        let bytes =
            [message(GREETING), event(1, 0), vec![0x89, 0], message(br#"{"type":"pong"}"#), event(2, 1)].concat();
        let site = peer(5, bytes);
        let crowd = Crowd::start(&site, &plan(5));
        crowd.wait_events(2);
        let receipts = crowd.leave().unwrap();
        assert_eq!(receipts.events, [2; 5]);
        assert_eq!((receipts.disordered, receipts.differences(2), receipts.differences(3)), (0, (0, 0), (5, 0)));
        assert!(receipts.latencies.is_empty(), "nothing is measured before it is asked for");
    }

    #[test]
    fn a_missing_event_and_a_doubled_one_do_not_cancel_out_in_the_order_check() {
        let site = peer(1, [message(GREETING), event(1, 0), event(3, 2), event(3, 2)].concat());
        let crowd = Crowd::start(&site, &plan(1));
        crowd.wait_events(3);
        assert_eq!(crowd.leave().unwrap().disordered, 2);
    }

    #[test]
    fn a_viewer_that_the_server_closes_fails_the_measurement_with_the_code() {
        let site = peer(1, [message(GREETING), vec![0x88, 2, 0x03, 0xF5]].concat());
        let crowd = Crowd::start(&site, &plan(1));
        crowd.wait_events(1);
        let error = crowd.leave().err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains("close Some(1013)"), "{error}");
    }
}
