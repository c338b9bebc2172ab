//! How far a long work has come, on a terminal and nowhere else.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::io::fetch::Progress;

/// How often the line is drawn.
const EVERY: Duration = Duration::from_millis(200);

/// A line on the terminal as long as this lives.
pub struct Shown(Option<(Arc<AtomicBool>, JoinHandle<()>)>);

impl Shown {
    /// Draws until it is dropped; nothing where standard error is not a terminal. `bytes` are those that are still to come.
    pub fn start(progress: &Arc<Progress>, files: usize, bytes: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let done = Arc::new(AtomicBool::new(false));
        let (watched, ended) = (progress.clone(), done.clone());
        let draw = move || {
            while !ended.load(Ordering::Relaxed) {
                let (ready, arrived) = (watched.files.load(Ordering::Relaxed), watched.bytes.load(Ordering::Relaxed));
                let _ = write!(std::io::stderr(), "\r{ready}/{files} packages, {} of {} MB\x1b[K", arrived >> 20, bytes >> 20);
                std::thread::park_timeout(EVERY);
            }
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        };
        Self(Some((done, std::thread::spawn(draw))))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.0.take() {
            done.store(true, Ordering::Relaxed);
            thread.thread().unpark();
            // Nothing but drawing can have failed.
            let _ = thread.join();
        }
    }
}
