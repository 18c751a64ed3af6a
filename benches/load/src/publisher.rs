//! A producer that posts events over one keep-alive connection.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    Site,
    clock::Clock,
    event::{self, Stamp},
    http::Connection,
};

/// Publishes numbered, stamped events to one run.
pub struct Publisher {
    connection: Connection,
    path: String,
    clock: Clock,
    next: u64,
    body: Vec<u8>,
}

impl Publisher {
    /// Connects a producer of `run`.
    pub fn new(site: &Site, run: &str) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(site.publish_addr)?,
            path: site.target.publish_path(run),
            clock: site.clock,
            next: 0,
            body: Vec::new(),
        })
    }

    /// Posts one event and waits for the answer.
    pub fn publish(&mut self, size: usize) -> Result<()> {
        self.write_events(1, size);
        self.connection.post(&self.path, "application/json", &self.body)?;
        Ok(())
    }

    /// Posts `count` events as one NDJSON body and waits for the answer.
    pub fn publish_batch(&mut self, count: usize, size: usize) -> Result<()> {
        self.write_events(count, size);
        self.connection.post(&self.path, "application/x-ndjson", &self.body)?;
        Ok(())
    }

    /// Posts `total` events in batches of `batch`.
    pub fn fill(&mut self, total: usize, batch: usize, size: usize) -> Result<()> {
        let mut left = total;
        while left > 0 {
            let count = left.min(batch);
            self.publish_batch(count, size)?;
            left -= count;
        }
        Ok(())
    }

    /// Posts `count` single events at `rate` per second. The schedule is absolute: a slow answer delays the following
    /// events, but does not reduce their number. Returns the largest delay of an event.
    pub fn publish_evenly(&mut self, count: u64, rate: f64, size: usize) -> Result<Duration> {
        let start = Instant::now();
        let mut latest = Duration::ZERO;
        for index in 0..count {
            let due = start + Duration::from_secs_f64(index as f64 / rate);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            latest = latest.max(due.elapsed());
            self.publish(size)?;
        }
        Ok(latest)
    }

    fn write_events(&mut self, count: usize, size: usize) {
        self.body.clear();
        let sent = self.clock.now();
        for _ in 0..count {
            event::write(&mut self.body, Stamp { sent, number: self.next }, size);
            self.body.push(b'\n');
            self.next += 1;
        }
        self.body.pop();
    }
}
