//! The machines of a case: addresses of the loopback network, on which everything answers as the case says.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use clusterseed::cluster::Cluster;
use clusterseed::format::fourletter;
use clusterseed::profile::status::Protocol;
use clusterseed::status::Answers;
use clusterseed::status::ask::Target;
use serde_json::{Value, json};

/// What is answered: `HOST PORT QUESTION`, `HOST PORT` or `HOST`, each part may end in `*`; of several, the last holds.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The parts.
    pub ask: Vec<String>,
    /// The answer.
    pub answer: Value,
}

impl Rule {
    fn fits(&self, ask: &[&str]) -> bool {
        let fits = |(pattern, word): (&String, &&str)| pattern.strip_suffix('*').map_or(pattern == word, |start| word.starts_with(start));
        self.ask.len() == ask.len() && self.ask.iter().zip(ask).all(fits)
    }
}

/// Next address to try. Other processes may run the same tests.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// What a case serves until the value ends.
pub struct Served {
    /// Where each host is reached.
    pub addresses: Vec<(String, Ipv4Addr)>,
    over: Arc<AtomicBool>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What all connections of a case share.
struct Shared {
    rules: Vec<Rule>,
    login: Option<String>,
    asked: AtomicUsize,
    over: Arc<AtomicBool>,
}

/// A port of a host.
struct Door {
    host: String,
    id: u64,
    /// What the spec calls it.
    address: String,
    port: u16,
    listener: TcpListener,
}

impl Served {
    /// Serves what the rules say for these hosts, given with their ids.
    pub fn begin(hosts: &[(String, u64)], rules: Vec<Rule>, login: Option<String>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared { rules, login, asked: AtomicUsize::new(0), over: over.clone() });
        let (mut addresses, mut doors) = (Vec::new(), Vec::new());
        for (host, id) in hosts {
            if let Some("unreachable") = shared.act(&[host]) {
                // Nobody routes TCP to a multicast address.
                addresses.push((host.clone(), Ipv4Addr::new(224, 0, 0, 1)));
                continue;
            }
            let ports: BTreeSet<u16> = shared.ports(host);
            let (address, listeners) =
                bind(&ports.into_iter().filter(|port| shared.act(&[host, &port.to_string()]) != Some("refuse")).collect::<Vec<_>>());
            addresses.push((host.clone(), address));
            for (port, listener) in listeners {
                doors.push(Door { host: host.clone(), id: *id, address: planned(host, *id), port, listener });
            }
        }
        thread::spawn(move || watch(&doors, &shared));
        Self { addresses, over }
    }
}

/// Addresses of the specs in `good`.
fn planned(host: &str, id: u64) -> String {
    let start = match host.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "master" => 0xc000_0200,
        "slave" => 0xc000_0232,
        "m" => 0xc633_6400,
        "s" => 0xc633_640a,
        _ => 0xcb00_7100,
    };
    Ipv4Addr::from(start + u32::try_from(id).expect("a small number")).to_string()
}

/// An address on which all these ports are free.
fn bind(ports: &[u16]) -> (Ipv4Addr, Vec<(u16, TcpListener)>) {
    for _ in 0..200 {
        let number = std::process::id().wrapping_mul(2_654_435_761) >> 9;
        let number = number.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 0x00fd_ffff;
        let address = Ipv4Addr::from(0x7f01_0001 + number);
        let open = |port: &u16| {
            let listener = TcpListener::bind((address, *port)).ok()?;
            listener.set_nonblocking(true).ok()?;
            Some((*port, listener))
        };
        if let Some(listeners) = ports.iter().map(open).collect() {
            return (address, listeners);
        }
    }
    panic!("something listens on every address at one of the ports {ports:?}");
}

fn watch(doors: &[Door], shared: &Arc<Shared>) {
    while !shared.over.load(Ordering::Relaxed) {
        let mut idle = true;
        for door in doors {
            while let Ok((stream, _)) = door.listener.accept() {
                idle = false;
                let (shared, host, id, address, port) = (shared.clone(), door.host.clone(), door.id, door.address.clone(), door.port);
                // What the other side has closed is no fault of ours.
                thread::spawn(move || drop(Visit { shared: &shared, host: &host, id, address: &address, port }.serve(stream)));
            }
        }
        if idle {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The answers of a service as the rules have them, without a network.
pub fn answers(rules: &[Rule], target: &Target<'_>, cluster: &Cluster) -> Answers {
    let shared = Shared { rules: rules.to_vec(), login: None, asked: AtomicUsize::new(0), over: Arc::default() };
    let host = &cluster.hosts[target.host];
    let (id, address) = (u64::from(host.id.unwrap_or(0)), host.address.to_string());
    let visit = Visit { shared: &shared, host: &host.name, id, address: &address, port: target.port };
    let mut answers = Answers::default();
    for question in &target.status.ask {
        let known = question.ways.iter().filter_map(|way| shared.answer(&[&host.name, &target.port.to_string(), way]));
        let Some(answer) = known.filter(|answer| answer.get("status").is_none()).last() else { continue };
        if let Some(place) = answer["redirect"].as_str() {
            answers.redirects.insert(question.name.clone(), place.to_string());
            continue;
        }
        let plain = answer.get("chunked").or_else(|| answer.get("text")).unwrap_or(&answer);
        let value = match plain.as_str() {
            Some(text) if target.status.protocol == Protocol::Zookeeper => match fourletter::parse(visit.filled(text).as_bytes()) {
                fourletter::Answer::Values(values) => values,
                other => panic!("{other:?}"),
            },
            _ => serde_json::from_str(&visit.filled(&plain.to_string())).expect("JSON"),
        };
        answers.values.insert(question.name.clone(), value);
    }
    answers
}

impl Shared {
    fn act(&self, ask: &[&str]) -> Option<&str> {
        self.rules.iter().rfind(|rule| rule.fits(ask))?.answer["act"].as_str()
    }

    fn ports(&self, host: &str) -> BTreeSet<u16> {
        let of_host = |rule: &&Rule| rule.ask.len() == 3 && Rule { ask: vec![rule.ask[0].clone()], answer: Value::Null }.fits(&[host]);
        self.rules.iter().filter(of_host).map(|rule| rule.ask[1].parse().expect("a port")).collect()
    }

    /// The answer to a question, with all later patches.
    fn answer(&self, ask: &[&str]) -> Option<Value> {
        let mut answer = None;
        for rule in self.rules.iter().filter(|rule| rule.fits(ask)) {
            match (rule.answer.get("patch"), &mut answer) {
                (Some(patch), Some(answer)) => merge(answer, patch),
                _ => answer = Some(rule.answer.clone()),
            }
        }
        answer
    }
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let (Value::Object(into), Value::Object(patch)) = (&mut *into, patch) else {
        *into = patch.clone();
        return;
    };
    for (key, value) in patch {
        match value {
            Value::Null => drop(into.remove(key)),
            _ => merge(into.entry(key).or_insert(Value::Null), value),
        }
    }
}

struct Visit<'v> {
    shared: &'v Shared,
    host: &'v str,
    id: u64,
    address: &'v str,
    port: u16,
}

impl Visit<'_> {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let port = self.port.to_string();
        let act = self.shared.act(&[self.host, &port]);
        if act == Some("close") {
            return stream.shutdown(Shutdown::Both);
        }
        // A question ends with a line, or with an empty one where it is HTTP.
        let mut question = Vec::new();
        let mut byte = [0];
        while !question.ends_with(b"\r\n\r\n") && (question.starts_with(b"GET ") || !question.ends_with(b"\n")) {
            if stream.read(&mut byte)? == 0 {
                return Ok(());
            }
            question.push(byte[0]);
        }
        let question = String::from_utf8_lossy(&question).into_owned();
        let http = question.starts_with("GET ");
        let ask = if http { question.split(' ').nth(1).unwrap_or_default() } else { question.trim_end() };
        if let Some(act) = act {
            let times =
                self.shared.rules.iter().rfind(|rule| rule.fits(&[self.host, &port])).and_then(|rule| rule.answer["times"].as_u64());
            let first = times.is_none_or(|times| self.shared.asked.fetch_add(1, Ordering::Relaxed) < usize::try_from(times).expect("few"));
            if first {
                return self.play(act, stream);
            }
        }
        let answer = self.shared.answer(&[self.host, &port, ask]);
        if !http {
            let text = answer.unwrap_or(json!({"raw": ""}));
            let text = text.as_str().or_else(|| text["raw"].as_str()).expect("text").to_string();
            return stream.write_all(self.filled(&text).as_bytes());
        }
        if let Some(login) = &self.shared.login
            && port == "18080"
            && !question.contains(&format!("\r\nAuthorization: Basic {}\r\n", encoded(login)))
        {
            return stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
        }
        let answer = answer.unwrap_or(json!({"status": 404}));
        stream.write_all(self.response(&answer).as_bytes())
    }

    fn filled(&self, text: &str) -> String {
        text.replace("{name}", self.host).replace("{id}", &self.id.to_string()).replace("{address}", self.address)
    }

    fn response(&self, answer: &Value) -> String {
        if let Some(raw) = answer["raw"].as_str() {
            return raw.to_string();
        }
        if let Some(place) = answer["redirect"].as_str() {
            return format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
        }
        if let Some(status) = answer["status"].as_u64() {
            return format!("HTTP/1.1 {status} Such Is Life\r\nContent-Length: 3\r\n\r\nno\n");
        }
        if let Some(text) = answer["text"].as_str() {
            return format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{text}");
        }
        if let Some(value) = answer.get("chunked") {
            let body = self.filled(&value.to_string());
            let chunks: String =
                body.as_bytes().chunks(100).map(|c| format!("{:x}\r\n{}\r\n", c.len(), String::from_utf8_lossy(c))).collect();
            return format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
        }
        let body = self.filled(&answer.to_string());
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    /// What no sound daemon does.
    fn play(&self, act: &str, mut stream: TcpStream) -> std::io::Result<()> {
        let over = || self.shared.over.load(Ordering::Relaxed);
        match act {
            "silent" => {
                while !over() {
                    thread::sleep(Duration::from_millis(20));
                }
            }
            "drip" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
                while !over() {
                    stream.write_all(b" ")?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            "huge" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n")?;
            }
            "endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                while !over() {
                    stream.write_all(&[b' '; 65536])?;
                }
            }
            "half" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"version\":")?,
            "tls" => stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46")?,
            "electing" => stream.write_all(b"This ZooKeeper instance is not currently serving requests\n")?,
            other => panic!("nobody knows how to {other}"),
        }
        Ok(())
    }
}

fn encoded(login: &str) -> String {
    match login {
        "admin:hunter2-marathon" => "YWRtaW46aHVudGVyMi1tYXJhdGhvbg==".into(),
        other => format!("no encoding of {other} is known"),
    }
}
