//! Wall clock, processor time and peak memory, of a child or of a piece of this process; Linux tells them in /proc.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, waitid};

/// How often a running child's memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// `USER_HZ`: what /proc/PID/stat counts in, 100 on every architecture that Linux has Rust for.
const TICKS_PER_SECOND: f64 = 100.0;

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of processor time.
    pub cpu: f64,
    /// Most memory ever resident, in KiB; 0 where it was not measured.
    pub peak: u64,
}

/// Runs of the same thing.
#[derive(Default)]
pub struct Figures(Vec<Run>);

impl Figures {
    pub fn push(&mut self, run: Run) {
        self.0.push(run);
        self.0.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    }

    pub fn least(&self) -> Run {
        self.0[0]
    }

    pub fn median(&self) -> Run {
        self.0[self.0.len() / 2]
    }

    pub fn least_cpu(&self) -> f64 {
        self.0.iter().map(|run| run.cpu).fold(f64::INFINITY, f64::min)
    }

    pub fn peak_mb(&self) -> f64 {
        let peak = self.0.iter().map(|run| run.peak).max().unwrap_or_default();
        f64::from(u32::try_from(peak).unwrap_or(u32::MAX)) / 1024.0
    }
}

/// Runs a command to its end; fails if it does.
pub fn child(command: &mut Command) -> Result<Run> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().with_context(|| format!("running {command:?}"))?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a child without an id")?;
    // Looks at the memory until the child ends, and leaves it as a zombie, which still tells its processor time.
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(now) = peak_of(id) {
            peak = now;
            std::thread::sleep(LOOK);
        }
        peak
    });
    waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let wall = start.elapsed().as_secs_f64();
    let peak = watcher.join().unwrap_or_default();
    let cpu = cpu_of(id)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(Run { wall, cpu, peak })
}

/// Runs a piece of this process.
pub fn timed(work: impl FnOnce() -> Result<()>) -> Result<Run> {
    let (before, start) = (cpu_of(getpid())?, Instant::now());
    work()?;
    Ok(Run { wall: start.elapsed().as_secs_f64(), cpu: cpu_of(getpid())? - before, peak: 0 })
}

/// `VmHWM` in KiB; none once the process has ended.
fn peak_of(id: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time in seconds, its children's that have ended included (proc_pid_stat(5), fields 14 to 17).
fn cpu_of(id: Pid) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, field 2, may hold blanks and is in parentheses.
    let fields = stat.rsplit_once(')').context("an odd /proc/PID/stat")?.1;
    let ticks: u32 = fields.split_whitespace().skip(11).take(4).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(f64::from(ticks) / TICKS_PER_SECOND)
}

/// Milliseconds of a run, for a table.
pub fn ms(run: Run) -> String {
    format!("{:.1} ms", run.wall * 1e3)
}
