//! A web server of a few lines that fails on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What one request gets.
pub struct Reply {
    status: u16,
    declared: usize,
    body: Vec<u8>,
}

impl Reply {
    /// All of it.
    pub fn whole(body: &[u8]) -> Self {
        Self { status: 200, declared: body.len(), body: body.to_vec() }
    }

    /// Less than it says, as when a connection breaks.
    pub fn cut(body: &[u8], at: usize) -> Self {
        Self { status: 200, declared: body.len(), body: body[..at].to_vec() }
    }

    /// A status without content.
    pub fn error(status: u16) -> Self {
        Self { status, declared: 0, body: Vec::new() }
    }
}

/// Serves until the process ends; listens on the loopback interface alone.
pub struct Server {
    address: SocketAddr,
    hits: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Server {
    /// `reply` gets the path and which request for it this is, from 1.
    pub fn start(reply: impl Fn(&str, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let server = Self { address: listener.local_addr().expect("an address"), hits: Arc::default() };
        let hits = server.hits.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away early is part of the tests.
                let _ = serve(stream, &hits, &reply);
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How often a path was asked for.
    pub fn hits(&self, path: &str) -> usize {
        self.hits.lock().expect("no panic before").get(path).copied().unwrap_or(0)
    }
}

fn serve(mut stream: TcpStream, hits: &Mutex<BTreeMap<String, usize>>, reply: &impl Fn(&str, usize) -> Reply) -> std::io::Result<()> {
    let mut path = String::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or_default().to_string();
        }
    }
    let hit = {
        let mut hits = hits.lock().expect("no panic before");
        let hit = hits.entry(path.clone()).or_default();
        *hit += 1;
        *hit
    };
    let Reply { status, declared, body } = reply(&path, hit);
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {declared}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}
