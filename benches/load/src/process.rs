//! The kernel's figures about the server's processes, this process, and the sockets between them.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// The processes of the server under test.
pub struct Server {
    pids: Vec<u32>,
}

/// Memory of all the server's processes in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Proportional set size: pages shared by nginx's processes count once in the sum.
    pub pss: i64,
    /// Pages that no other process maps.
    pub private: i64,
}

impl Server {
    /// A server that consists of these processes.
    pub fn new(pids: Vec<u32>) -> Self {
        Self { pids }
    }

    /// CPU seconds used so far: user and system, all threads.
    pub fn cpu(&self) -> Result<f64> {
        self.pids.iter().map(|pid| cpu_of(&pid.to_string())).sum()
    }

    /// The present memory use.
    pub fn memory(&self) -> Result<Memory> {
        let mut sum = Memory::default();
        for pid in &self.pids {
            let path = format!("/proc/{pid}/smaps_rollup");
            let memory = parse_smaps(&fs::read_to_string(&path).with_context(|| path.clone())?);
            sum.pss += memory.pss;
            sum.private += memory.private;
        }
        Ok(sum)
    }

    /// The memory use once it is stable: three samples, 250 ms apart, within 32 KiB; waits at most 10 s.
    pub fn settled_memory(&self) -> Result<Memory> {
        const STILL: i64 = 32 * 1024;
        let deadline = Instant::now() + Duration::from_secs(10);
        let (mut last, mut still) = (self.memory()?, 0);
        while still < 3 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(250));
            let now = self.memory()?;
            still = if (now.pss - last.pss).abs() <= STILL { still + 1 } else { 0 };
            last = now;
        }
        Ok(last)
    }
}

/// CPU seconds used by the load generator.
pub fn own_cpu() -> Result<f64> {
    cpu_of("self")
}

/// CPU seconds that the machine has been busy. A kernel that charges soft interrupts to no process
/// (`CONFIG_IRQ_TIME_ACCOUNTING`) counts them only here.
pub fn machine_cpu() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let ticks = parse_machine(&text).context("/proc/stat has an unknown form")?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Bytes in this host's TCP buffers, at both ends of every loopback connection.
pub fn tcp_buffers() -> Result<i64> {
    let text = fs::read_to_string("/proc/net/sockstat").context("/proc/net/sockstat")?;
    let pages = parse_sockstat(&text).context("no TCP mem in /proc/net/sockstat")?;
    Ok(pages * rustix::param::page_size() as i64)
}

fn cpu_of(pid: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let ticks = parse_stat(&text).with_context(|| format!("{path} has an unknown form"))?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// utime + stime, counted from the last `)`, because a process name may contain anything.
fn parse_stat(text: &str) -> Option<u64> {
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// All time but idle and iowait; guest times are omitted because user and nice include them.
fn parse_machine(text: &str) -> Option<u64> {
    let fields: Option<Vec<u64>> =
        text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().map(|field| field.parse().ok()).collect();
    let fields = fields?;
    Some(fields.iter().take(8).sum::<u64>() - fields.get(3..5)?.iter().sum::<u64>())
}

fn parse_smaps(text: &str) -> Memory {
    let mut memory = Memory::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(Ok(kilobytes))) = (words.next(), words.next().map(str::parse::<i64>)) else { continue };
        match name {
            "Pss:" => memory.pss += kilobytes * 1024,
            "Private_Clean:" | "Private_Dirty:" => memory.private += kilobytes * 1024,
            _ => {}
        }
    }
    memory
}

fn parse_sockstat(text: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "mem");
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_user_plus_system_whatever_the_name_of_the_process() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194560 500 0 3 0 120 34 0 0 20 0 1 0 99 1000 10 18446744073709551615";
        assert_eq!(parse_stat(text), Some(154));
    }

    #[test]
    fn the_machine_is_busy_with_all_but_idle_iowait_and_what_counts_twice() {
        assert_eq!(parse_machine("cpu  1 2 4 1000 1000 8 16 32 64 64\ncpu0 9\n"), Some(63));
        assert_eq!(parse_machine("cpu0 1 2\n"), None);
    }

    #[test]
    fn memory_adds_clean_and_dirty_private_pages() {
        let text = "5500-7fff ---p 0 00:00 0 [rollup]\nPss: 10 kB\nPss_Dirty: 4 kB\nPrivate_Clean: 2 kB\n\
                    Private_Dirty: 5 kB\n";
        assert_eq!(parse_smaps(text), Memory { pss: 10 * 1024, private: 7 * 1024 });
    }

    #[test]
    fn socket_memory_is_the_tcp_line_of_sockstat() {
        let text = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 6 mem 42\nUDP: inuse 1 mem 7\n";
        assert_eq!(parse_sockstat(text), Some(42));
    }

    #[test]
    fn this_process_can_be_read() {
        let server = Server::new(vec![std::process::id()]);
        assert!(server.memory().unwrap().private > 0);
        assert!(server.cpu().unwrap() >= 0.0 && own_cpu().unwrap() >= 0.0);
    }
}
