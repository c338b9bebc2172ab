//! A web server that does what it is told: whole, in parts, cut, late, elsewhere, in a circle. And a proxy for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What stands in the request line.
    pub target: String,
    /// The first byte that is asked for.
    pub from: Option<usize>,
    /// `Proxy-Authorization`.
    pub login: Option<String>,
    /// Which request for this target it is, from 1.
    pub hit: usize,
}

/// What is sent: a status line and headers, then bytes with pauses between.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub head: String,
    pub parts: Vec<(Duration, Vec<u8>)>,
}

impl Reply {
    fn new(head: impl Into<String>, body: &[u8]) -> Self {
        Self { head: head.into(), parts: vec![(Duration::ZERO, body.to_vec())] }
    }

    /// All of it, whatever was asked for.
    pub fn whole(body: &[u8]) -> Self {
        Self::new(format!("200 OK\r\nContent-Length: {}", body.len()), body)
    }

    /// What was asked for.
    pub fn part(body: &[u8], request: &Request) -> Self {
        match request.from {
            None => Self::whole(body),
            Some(from) if from >= body.len() => Self::status(416),
            Some(from) => Self::range(&body[from..], from, body.len()),
        }
    }

    /// Some bytes that are said to begin at `from`.
    pub fn range(body: &[u8], from: usize, total: usize) -> Self {
        let last = from + body.len() - 1;
        Self::new(format!("206 Partial Content\r\nContent-Range: bytes {from}-{last}/{total}\r\nContent-Length: {}", body.len()), body)
    }

    /// Ends with the connection, without a length.
    pub fn until_closed(body: &[u8]) -> Self {
        Self::new("200 OK", body)
    }

    /// A status alone.
    pub fn status(code: u16) -> Self {
        Self::new(format!("{code} x\r\nContent-Length: 0"), b"")
    }

    /// Somewhere else.
    pub fn elsewhere(location: &str) -> Self {
        Self::new(format!("302 x\r\nLocation: {location}\r\nContent-Length: 0"), b"")
    }

    /// Breaks the connection after so many bytes.
    pub fn cut(mut self, at: usize) -> Self {
        self.parts[0].1.truncate(at);
        self
    }

    /// Waits after so many bytes.
    pub fn stall(mut self, at: usize, pause: Duration) -> Self {
        let rest = self.parts[0].1.split_off(at);
        self.parts.push((pause, rest));
        self
    }
}

/// Serves until the process ends, on the loopback interface alone.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let server = Self { address: listener.local_addr().expect("an address"), seen: Arc::default() };
        let (seen, reply) = (server.seen.clone(), Arc::new(reply));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, reply) = (seen.clone(), reply.clone());
                // A client that goes away early is part of the tests.
                std::thread::spawn(move || serve(stream, &seen, &*reply));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far, in order.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic before").clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Request>>, reply: &dyn Fn(&Request) -> Reply) -> std::io::Result<()> {
    let mut request = Request::default();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if request.target.is_empty() {
            request.target = line.split(' ').nth(1).unwrap_or_default().to_string();
        } else if let Some(range) = lower.strip_prefix("range: bytes=") {
            request.from = range.trim_end_matches('-').parse().ok();
        } else if lower.starts_with("proxy-authorization: ") {
            request.login = line.split_once(": ").map(|(_, value)| value.to_string());
        }
    }
    {
        let mut seen = seen.lock().expect("no panic before");
        request.hit = seen.iter().filter(|other| other.target == request.target).count() + 1;
        seen.push(request.clone());
    }
    let reply = reply(&request);
    write!(stream, "HTTP/1.1 {}\r\nConnection: close\r\n\r\n", reply.head)?;
    for (pause, bytes) in reply.parts {
        std::thread::sleep(pause);
        stream.write_all(&bytes)?;
        stream.flush()?;
    }
    Ok(())
}

/// A proxy of SOCKS 5 (RFC 1928, 1929) for one user; whatever is asked for, it leads to one server.
pub struct Socks {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let socks = Self { address: listener.local_addr().expect("an address"), seen: Arc::default() };
        let (seen, server) = (socks.seen.clone(), server.trim_start_matches("http://").to_string());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, server) = (seen.clone(), server.clone());
                std::thread::spawn(move || lead(stream, &seen, &server));
            }
        });
        socks
    }

    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://user:secret@{}", self.address)
    }

    /// Who asked for what.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic before").clone()
    }
}

fn lead(mut client: TcpStream, seen: &Mutex<Vec<String>>, server: &str) -> std::io::Result<()> {
    fn take<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
        let mut bytes = [0; N];
        stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
    fn text(stream: &mut TcpStream) -> std::io::Result<String> {
        let mut bytes = vec![0; usize::from(take::<1>(stream)?[0])];
        stream.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
    let [version, methods] = take(&mut client)?;
    let mut offered = vec![0; usize::from(methods)];
    client.read_exact(&mut offered)?;
    assert!(version == 5 && offered.contains(&2), "a login is offered");
    client.write_all(&[5, 2])?;
    take::<1>(&mut client)?;
    let (user, password) = (text(&mut client)?, text(&mut client)?);
    client.write_all(&[1, 0])?;
    let [_, connect, _, kind] = take(&mut client)?;
    let host = match kind {
        1 => std::net::Ipv4Addr::from(take::<4>(&mut client)?).to_string(),
        4 => std::net::Ipv6Addr::from(take::<16>(&mut client)?).to_string(),
        _ => text(&mut client)?,
    };
    let port = u16::from_be_bytes(take(&mut client)?);
    assert_eq!(connect, 1);
    seen.lock().expect("no panic before").push(format!("{user}:{password} {host}:{port}"));
    let mut onward = TcpStream::connect(server)?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1])?;
    let (mut from, mut to) = (client.try_clone()?, onward.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut onward, &mut client)?;
    client.shutdown(std::net::Shutdown::Both)
}
