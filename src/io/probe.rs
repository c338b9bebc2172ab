//! Asks running services: TCP with a deadline for everything, many at a time.

use std::collections::BTreeMap;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::format::fourletter;
use crate::format::http::{self, Problem};
use crate::profile::status::{Protocol, Question};
use crate::status::{Answers, Failure, Request};

/// Most that are asked at a time; each takes one socket, of which a process usually may have 1,024.
const AT_A_TIME: usize = 256;
/// Most bytes of an answer over HTTP: the state of a master with thousands of tasks has some.
const BODY: u64 = 16 * 1024 * 1024;
/// Most bytes of an answer to a four-letter word.
const WORDS: u64 = 1024 * 1024;
/// Most redirects that are followed.
const REDIRECTS: usize = 5;
/// For a JSON tree of the greatest depth that is read.
const STACK: usize = 1024 * 1024;

/// Asks all, in no order; gives the answers in that of the requests. Each has `timeout` for everything it is asked.
/// `places` are the hosts that redirects may lead to.
pub fn ask(requests: &[Request], places: &BTreeMap<String, Ipv4Addr>, timeout: Duration) -> Vec<Answers> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Answers>> = requests.iter().map(|_| Mutex::default()).collect();
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = requests.get(number) else { break };
            let answer = one(request, places, timeout);
            if let Ok(mut place) = answers[number].lock() {
                *place = answer;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..requests.len().min(AT_A_TIME) {
            // Fewer workers only take longer.
            if thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    answers.into_iter().map(|answer| answer.into_inner().unwrap_or_default()).collect()
}

fn one(request: &Request, places: &BTreeMap<String, Ipv4Addr>, timeout: Duration) -> Answers {
    let probe = Probe { request, places, timeout, deadline: Instant::now() + timeout };
    let mut answers = Answers::default();
    for question in &request.questions {
        match probe.question(question) {
            Ok(Said::Value(value)) => drop(answers.values.insert(question.name.clone(), value)),
            Ok(Said::Elsewhere(host)) => drop(answers.redirects.insert(question.name.clone(), host)),
            Err(failure) if question.optional => answers.unanswered.push((question.clone(), failure)),
            Err(failure) => {
                answers.failure = Some((question.clone(), failure));
                break;
            }
        }
    }
    answers
}

/// What a service answered to a message.
#[derive(Debug)]
pub struct Reply {
    /// Status of HTTP.
    pub status: u16,
    /// Its words.
    pub body: Vec<u8>,
}

/// A message to a service.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// `GET`, `PUT` or `DELETE`.
    pub method: &'m str,
    /// The path, with what follows a question mark.
    pub path: &'m str,
    /// JSON.
    pub body: Option<&'m [u8]>,
}

/// Sends one message to a service; it has `timeout` for everything.
///
/// # Errors
/// When no whole answer comes; what HTTP itself refuses is an answer.
pub fn send(to: &Request, places: &BTreeMap<String, Ipv4Addr>, timeout: Duration, message: Message<'_>) -> Result<Reply, Failure> {
    let probe = Probe { request: to, places, timeout, deadline: Instant::now() + timeout };
    match probe.exchange(message.method, message.path, message.body, false)? {
        Came::Reply(reply) => Ok(reply),
        Came::Elsewhere(host) => Err(Failure::Away(host)),
    }
}

enum Came {
    Reply(Reply),
    Elsewhere(String),
}

enum Said {
    Value(Value),
    Elsewhere(String),
}

struct Probe<'r> {
    request: &'r Request,
    places: &'r BTreeMap<String, Ipv4Addr>,
    timeout: Duration,
    deadline: Instant,
}

impl Probe<'_> {
    /// Takes the first of its ways that the service knows.
    fn question(&self, question: &Question) -> Result<Said, Failure> {
        let mut last = Failure::Status(404);
        for way in &question.ways {
            let said = match self.request.protocol {
                Protocol::Zookeeper => self.word(way).map(Said::Value),
                Protocol::HttpJson => self.get(way, question),
            };
            match said {
                Err(failure @ (Failure::Status(404) | Failure::Forbidden)) => last = failure,
                said => return said,
            }
        }
        Err(last)
    }

    fn word(&self, word: &str) -> Result<Value, Failure> {
        let mut connection = self.connect(self.request.address, self.request.port)?;
        let mut bytes = Vec::new();
        let sent = connection.get_mut().write_all(format!("{word}\n").as_bytes());
        let read = sent.and_then(|()| connection.by_ref().take(WORDS + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(connection.get_ref().failure(&error));
        }
        match &bytes[..] {
            [] => return Err(Failure::Empty),
            [0x15 | 0x16, 0x03, ..] => return Err(Failure::Tls),
            _ if bytes.len() as u64 > WORDS => return Err(Failure::TooLarge),
            _ => {}
        }
        match fourletter::parse(&bytes) {
            fourletter::Answer::Values(values) => Ok(values),
            fourletter::Answer::NotServing => Err(Failure::NotServing),
            fourletter::Answer::Forbidden => Err(Failure::Forbidden),
            fourletter::Answer::Garbage => Err(Failure::Garbage("it is not how ZooKeeper answers".into())),
        }
    }

    fn get(&self, path: &str, question: &Question) -> Result<Said, Failure> {
        match self.exchange("GET", path, None, question.own)? {
            Came::Elsewhere(host) => Ok(Said::Elsewhere(host)),
            Came::Reply(Reply { status: 200, body }) if question.text => Ok(Said::Value(String::from_utf8_lossy(&body).trim().into())),
            Came::Reply(Reply { status: 200, body }) => {
                serde_json::from_slice(&body).map(Said::Value).map_err(|_| Failure::Garbage("it is no JSON".into()))
            }
            Came::Reply(Reply { status, .. }) => Err(Failure::Status(status)),
        }
    }

    /// One request over HTTP, wherever in the cluster redirects lead; with `own`, a redirect to another host is not followed.
    fn exchange(&self, method: &str, path: &str, body: Option<&[u8]>, own: bool) -> Result<Came, Failure> {
        let (mut address, mut port, mut path) = (self.request.address, self.request.port, path.to_string());
        for _ in 0..=REDIRECTS {
            // The login is for this service, wherever in the cluster it runs, and for nobody else.
            let login = self.request.login.as_ref().filter(|_| port == self.request.port);
            let text = http::request(method, &path, &format!("{address}:{port}"), login.map(|login| login.0.as_str()), body);
            let mut connection = self.connect(address, port)?;
            let sent = connection.get_mut().write_all(&text);
            let response = match sent.map_err(Problem::Io).and_then(|()| http::read(&mut connection, BODY)) {
                Ok(response) => response,
                Err(problem) => return Err(connection.get_ref().problem(problem)),
            };
            match (response.status, response.location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    let Some(target) = target(&location, address, port) else { return Err(Failure::Away(location)) };
                    // An address at which a host is reached may be none that the cluster knows.
                    let itself = || (target.host == address.to_string()).then_some(address);
                    let there = self.places.get(&target.host).copied().or_else(itself);
                    if own && there != Some(self.request.address) {
                        return Ok(Came::Elsewhere(target.host));
                    }
                    let Some(there) = there else { return Err(Failure::Away(location)) };
                    (address, port, path) = (there, target.port, target.path);
                }
                (status, _) => return Ok(Came::Reply(Reply { status, body: response.body })),
            }
        }
        Err(Failure::Loop)
    }

    fn connect(&self, address: Ipv4Addr, port: u16) -> Result<BufReader<Timed>, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::Slow(true));
        }
        let stream = match TcpStream::connect_timeout(&SocketAddr::V4(SocketAddrV4::new(address, port)), left) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Err(Failure::Refused),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(Failure::Unreachable(format!("no sign of life in {} s", self.timeout.as_secs_f64())));
            }
            Err(error) => return Err(Failure::Unreachable(error.kind().to_string())),
        };
        let failed = |error: io::Error| Failure::Unreachable(error.kind().to_string());
        stream.set_write_timeout(Some(left)).map_err(failed)?;
        Ok(BufReader::new(Timed { stream, deadline: self.deadline, begun: false }))
    }
}

/// A place that a redirect names.
struct Target {
    host: String,
    port: u16,
    path: String,
}

/// Reads `http://host:port/path`, `//host:port/path` and `/path`; nothing else is followed.
fn target(location: &str, address: Ipv4Addr, port: u16) -> Option<Target> {
    let sound = location.bytes().all(|b| b.is_ascii_graphic());
    let rest = match location.split_once("//") {
        Some(("" | "http:", rest)) if sound => rest,
        _ if sound && location.starts_with('/') => {
            return Some(Target { host: address.to_string(), port, path: location.to_string() });
        }
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 80),
    };
    (!host.is_empty() && !host.contains('@')).then(|| Target {
        host: host.to_ascii_lowercase(),
        port,
        path: if path.is_empty() { "/".into() } else { path.into() },
    })
}

/// A connection that ends at a deadline, however slowly its bytes come.
struct Timed {
    stream: TcpStream,
    deadline: Instant,
    begun: bool,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let read = self.stream.read(buffer)?;
        self.begun |= read > 0;
        Ok(read)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Timed {
    fn failure(&self, error: &io::Error) -> Failure {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Failure::Slow(self.begun),
            _ if self.begun => Failure::Cut,
            _ => Failure::Empty,
        }
    }

    fn problem(&self, problem: Problem) -> Failure {
        match problem {
            Problem::Io(error) => self.failure(&error),
            Problem::Empty => Failure::Empty,
            Problem::Cut => Failure::Cut,
            Problem::Tls => Failure::Tls,
            Problem::TooLarge => Failure::TooLarge,
            Problem::Garbage(why) => Failure::Garbage(why),
        }
    }
}
