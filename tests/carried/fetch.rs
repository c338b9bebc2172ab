//! `fetch` and `store`: whatever a server does, what is in the store is right, and what is wrong is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clusterseed::diag::{At, FileId, Spanned};
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::lock::{Asked, Lock, Package, Set, Source, SourceLocation, Wanted, print::print};

use super::server::{Reply, Request, Server, Socks};
use crate::cli::{Done, finish};
use crate::support::{self, clusterseed};

/// What a package of the tests holds: no part of it is like another.
fn body() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..300_000).map(next).collect()
}

/// A folder with a spec whose lock names one package, at these URLs.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(urls: &[String]) -> Self {
        let desk = Self(support::scratch());
        let list = urls.iter().map(|url| format!("\"{url}\"")).collect::<Vec<_>>().join(", ");
        let spec = format!(
            "version: 1\ncluster: test\nprofile: bare\nplatform: debian-12\nnetwork: {{subnet: 192.0.2.0/24, interface: ens3}}\n\
             hosts:\n  - {{name: a1, role: node, address: 192.0.2.1}}\ndelivery: hand\n\
             packages:\n  source: carried\n  extra: [thing]\n  from:\n    - {{name: pool, url: [{list}], suites: [\"./\"], unsigned: true}}\n"
        );
        fs::write(desk.0.path().join("cluster.yaml"), spec).unwrap();
        fs::write(desk.0.path().join("cluster.lock"), print(&lock(urls, &body()))).unwrap();
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clusterseed();
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name);
        }
        command.current_dir(self.path()).env("CLUSTERSEED_STORE", self.path().join("store")).env("CLUSTERSEED_PATIENCE", "1");
        command.arg("--profile-dir").arg(support::data("profiles")).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        finish(&mut self.command(arguments))
    }

    fn fetch(&self) -> Done {
        self.run(&["fetch", "cluster.yaml"])
    }

    /// Where the package is, once it is there.
    fn stored(&self) -> std::path::PathBuf {
        let hex = Sha256Sum::of(&body()).hex();
        self.path().join("store/sha256").join(&hex[..2]).join(hex)
    }

    fn part(&self) -> std::path::PathBuf {
        self.path().join("store/incoming").join(format!("{}.part", Sha256Sum::of(&body()).hex()))
    }
}

fn lock(urls: &[String], body: &[u8]) -> Lock {
    let at = At::new(FileId(0), 0, 0);
    let location =
        SourceLocation::Repository { urls: urls.to_vec(), suites: vec!["./".into()], components: Vec::new(), fingerprints: Vec::new() };
    Lock {
        asked: Asked {
            platform: "debian-12".into(),
            architecture: "amd64".into(),
            base: None,
            sources: vec![Source { name: "pool".into(), priority: 500, location }],
            sets: vec![Set { name: "node".into(), wanted: vec![Wanted { name: "thing".into(), version: None }] }],
        },
        base: None,
        releases: vec![clusterseed::lock::Release { source: "pool".into(), suite: "./".into(), date: None, sha256: None, signed_by: None }],
        packages: vec![Package {
            name: Spanned::new("thing".into(), at),
            version: "1:2.0~rc1+b".into(),
            architecture: "all".into(),
            size: body.len() as u64,
            sha256: Sha256Sum::of(body),
            source: "pool".into(),
            path: "pool/thing_2.0~rc1+b_all.deb".into(),
            sets: BTreeMap::from([("node".into(), Vec::new())]),
        }],
        at: None,
    }
}

/// The lock is a file of the tests' own making: it must be what the program reads.
#[test]
fn a_lock_goes_round() {
    let text = print(&lock(&["http://a.example".into()], &body()));
    let (mut sources, mut diags) = (clusterseed::diag::Sources::default(), clusterseed::diag::Diagnostics::new());
    let file = sources.add("cluster.lock", &text);
    let read = clusterseed::lock::parse::parse(&text, file, &mut diags).unwrap_or_else(|| panic!("{diags:?}"));
    assert_eq!(print(&read), text);
}

/// What a server does, whether the package arrives all the same, and what is said, or which bytes were asked for.
type Case = (&'static str, fn(&Request) -> Reply, Result<&'static [Option<usize>], &'static str>);

const CUT: usize = 200_000;

const CASES: &[Case] = &[
    ("whole", |_| Reply::whole(&body()), Ok(&[None])),
    ("without a length", |_| Reply::until_closed(&body()), Ok(&[None])),
    ("cut, then the rest", |r| if r.hit == 1 { Reply::whole(&body()).cut(CUT) } else { Reply::part(&body(), r) }, Ok(&[None, Some(CUT)])),
    (
        "cut, then from the start",
        |r| if r.hit == 1 { Reply::whole(&body()).cut(CUT) } else { Reply::whole(&body()) },
        Ok(&[None, Some(CUT)]),
    ),
    ("cut again and again", |r| Reply::part(&body(), r).cut(80_000), Ok(&[None, Some(80_000), Some(160_000), Some(240_000)])),
    (
        "cut at the same byte",
        |_| Reply::whole(&body()).cut(CUT),
        Err("the connection ended after 200000 of 300000 bytes, 4 times|the connection broke"),
    ),
    (
        "another part than asked",
        |r| {
            if r.hit == 1 {
                Reply::whole(&body()).cut(CUT)
            } else if r.from.is_some() {
                Reply::range(&body()[1..], 1, 300_000)
            } else {
                Reply::whole(&body())
            }
        },
        Ok(&[None, Some(CUT), None]),
    ),
    (
        "no such part",
        |r| {
            if r.hit == 1 {
                Reply::whole(&body()).cut(CUT)
            } else if r.from.is_some() {
                Reply::status(416)
            } else {
                Reply::whole(&body())
            }
        },
        Ok(&[None, Some(CUT), None]),
    ),
    (
        "parts of two files",
        |r| match r.hit {
            1 => Reply::whole(&[7; 300_000]).cut(CUT),
            _ => Reply::part(&body(), r),
        },
        Ok(&[None, Some(CUT), None]),
    ),
    (
        "a flipped byte",
        |_| {
            let mut bytes = body();
            bytes[150_000] ^= 1;
            Reply::whole(&bytes)
        },
        Err("it was changed or damaged"),
    ),
    ("shorter", |_| Reply::whole(&body()[..299_999]), Err("the server has 299999 bytes, and should have 300000")),
    ("longer", |_| Reply::whole(&[body(), vec![0]].concat()), Err("the server has 300001 bytes, and should have 300000")),
    ("longer, without a length", |_| Reply::until_closed(&[body(), vec![0; 1000]].concat()), Err("more than 300000 bytes")),
    ("nothing", |_| Reply::whole(b""), Err("the server has 0 bytes|after 0 of 300000 bytes")),
    ("an error that passes", |r| if r.hit < 3 { Reply::status(503) } else { Reply::whole(&body()) }, Ok(&[None, None, None])),
    ("an error that lasts", |_| Reply::status(502), Err("the server answers 502, 4 times")),
    ("gone", |_| Reply::status(404), Err("the server has no such file (404)")),
    ("forbidden", |_| Reply::status(403), Err("the server refuses it (403)")),
    (
        "elsewhere",
        |r| if r.target.starts_with("/pool") { Reply::elsewhere("/other/place?x=1") } else { Reply::whole(&body()) },
        Ok(&[None, None]),
    ),
    (
        "in a circle",
        |r| Reply::elsewhere(if r.target.starts_with("/pool") { "/a" } else { "/pool/thing_2.0~rc1+b_all.deb" }),
        Err("redirects in a loop"),
    ),
    ("to itself", |r| Reply::elsewhere(&r.target), Err("redirects in a loop")),
    ("ever further", |r| Reply::elsewhere(&format!("{}x", r.target)), Err("redirects more than 10 times")),
    ("to a file", |_| Reply::elsewhere("file:///etc/passwd"), Err("which is no web address")),
    ("to nowhere", |_| Reply { head: "302 x\r\nContent-Length: 0".into(), parts: Vec::new() }, Err("without saying where to")),
    (
        "late",
        |r| {
            if r.hit == 1 {
                let mut late = Reply::whole(&body());
                late.parts[0].0 = Duration::from_secs(3);
                late
            } else {
                Reply::whole(&body())
            }
        },
        Ok(&[None, None]),
    ),
    (
        "stuck in the middle",
        |r| if r.hit == 1 { Reply::whole(&body()).stall(CUT, Duration::from_secs(3)) } else { Reply::part(&body(), r) },
        Ok(&[None, Some(CUT)]),
    ),
    ("no HTTP", |_| Reply { head: "nonsense".into(), parts: Vec::new() }, Err("4 times")),
];

#[test]
fn whatever_a_server_does() {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = CASES.iter().map(|case| scope.spawn(|| problem(case).map(|why| format!("{}: {why}", case.0)))).collect();
        running.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn problem((_, reply, wanted): &Case) -> Option<String> {
    let server = Server::start(*reply);
    let desk = Desk::new(&[server.url()]);
    let done = desk.fetch();
    let asked: Vec<Option<usize>> = server.seen().iter().map(|request| request.from).collect();
    match wanted {
        Ok(from) => {
            let right = done.code == 0 && fs::read(desk.stored()).is_ok_and(|bytes| bytes == body()) && !desk.part().exists();
            (!right || asked != *from).then(|| format!("asked {asked:?}, {}: {}", done.code, done.err))
        }
        Err(words) => {
            let said = words.split('|').any(|words| done.err.contains(words)) && done.err.contains("thing 1:2.0~rc1+b (all)");
            let left = desk.stored().exists();
            (done.code != 2 || !said || left).then(|| format!("asked {asked:?}, {} {left}: {}", done.code, done.err))
        }
    }
}

#[test]
fn mirrors_are_asked_in_turn() {
    let gone = Server::start(|_| Reply::status(404));
    let damaged = Server::start(|_| Reply::whole(&[1; 300_000]));
    let good = Server::start(|r| Reply::part(&body(), r));
    let desk = Desk::new(&[gone.url(), damaged.url(), good.url()]);
    let done = desk.fetch();
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!([&gone, &damaged, &good].map(|server| server.seen().len()), [1, 1, 1]);
    assert!(done.err.contains("1 package, 300000 bytes") && done.err.contains("1 fetched, 0 were there"), "{}", done.err);
    // What is there is compared, and not asked for again.
    let again = desk.fetch();
    assert!(again.code == 0 && again.err.contains("0 fetched, 1 were there"), "{}", again.err);
    assert_eq!(good.seen().len(), 1);
}

#[test]
fn a_killed_fetch_goes_on_where_it_was() {
    let slow = |r: &Request| if r.hit == 1 { Reply::whole(&body()).stall(CUT, Duration::from_secs(30)) } else { Reply::part(&body(), r) };
    let server = Server::start(slow);
    let desk = Desk::new(&[server.url()]);
    let mut command = desk.command(&["fetch", "cluster.yaml"]);
    let mut child = command.env("CLUSTERSEED_PATIENCE", "60").stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while !fs::metadata(desk.part()).is_ok_and(|meta| meta.len() == CUT as u64) {
        assert!(Instant::now() < until, "nothing arrives");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!desk.stored().exists());
    let done = desk.fetch();
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(server.seen().last().unwrap().from, Some(CUT));
    assert_eq!(fs::read(desk.stored()).unwrap(), body());
}

#[test]
fn two_at_once_fetch_once() {
    let server = Server::start(|r| Reply::part(&body(), r).stall(1000, Duration::from_millis(300)));
    let desk = Desk::new(&[server.url()]);
    let running: Vec<_> = (0..3).map(|_| desk.command(&["fetch", "cluster.yaml"]).stderr(Stdio::null()).spawn().unwrap()).collect();
    running.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn offline_asks_nobody_and_takes_what_is_here() {
    let server = Server::start(|_| Reply::whole(&body()));
    let desk = Desk::new(&[server.url()]);
    let refused = desk.run(&["fetch", "cluster.yaml", "--offline"]);
    assert!(refused.code == 2 && refused.err.contains("nothing is fetched with --offline"), "{}", refused.err);
    let folder = desk.path().join("usb/deep");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("renamed.deb"), body()).unwrap();
    fs::write(folder.join("mesos_0.20.1-1.0.ubuntu1404_amd64.deb"), b"not that").unwrap();
    let done = desk.run(&["fetch", "cluster.yaml", "--offline", "--from", "usb"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("not the package that was published under this name"), "{}", done.err);
    assert!(done.err.contains("usb: 1 package that the lock does not name"), "{}", done.err);
    assert!(server.seen().is_empty());
    assert_eq!(fs::read(desk.stored()).unwrap(), body());
}

#[test]
fn proxies_of_the_environment() {
    let proxy = Server::start(|_| Reply::whole(&body()));
    let direct = Server::start(|_| Reply::whole(&body()));
    let fetch = |variables: &[(&str, String)], url: &str| {
        let desk = Desk::new(&[url.to_string()]);
        finish(desk.command(&["fetch", "cluster.yaml"]).envs(variables.iter().cloned()))
    };
    let login = proxy.url().replace("http://", "http://user:secret@");
    let done = fetch(&[("http_proxy", login.clone())], "http://nowhere.invalid");
    assert_eq!(done.code, 0, "{}", done.err);
    let seen = proxy.seen().pop().unwrap();
    assert_eq!(seen.target, "http://nowhere.invalid/pool/thing_2.0~rc1+b_all.deb");
    assert_eq!(seen.login.as_deref(), Some("Basic dXNlcjpzZWNyZXQ="));
    let done = fetch(&[("http_proxy", login.clone()), ("no_proxy", "127.0.0.1".into())], &direct.url());
    assert!(done.code == 0 && direct.seen().len() == 1 && proxy.seen().len() == 1, "{}", done.err);
    let refusing = Server::start(|_| Reply::status(407));
    let done = fetch(&[("all_proxy", refusing.url())], "http://nowhere.invalid");
    assert!(done.code == 2 && done.err.contains("the proxy wants a user and password"), "{}", done.err);
    // SOCKS 5: a name that only the proxy knows, and one that is looked up here; a login; what is none of it.
    for (scheme, url, wanted) in
        [("socks5h", "http://nowhere.invalid", &["nowhere.invalid:80"][..]), ("socks5", "http://localhost:7", &["127.0.0.1:7", "::1:7"])]
    {
        let socks = Socks::start(&direct.url());
        let done = fetch(&[("all_proxy", socks.url(scheme))], url);
        assert_eq!(done.code, 0, "{scheme} {url}: {}", done.err);
        let seen = socks.seen().pop().expect("it was asked");
        assert!(wanted.iter().any(|host| seen == format!("user:secret {host}")), "{scheme}: {seen}");
    }
    for (proxy, why) in
        [("socks4://127.0.0.1:1", "SOCKS 4"), ("socks://127.0.0.1:1", "SOCKS 4"), ("socks5://secret@127.0.0.1:1", "refused")]
    {
        let done = fetch(&[("all_proxy", proxy.into())], "http://127.0.0.1:9");
        assert!(done.code == 2 && done.err.contains(why) && !done.err.contains("secret"), "{proxy}: {}", done.err);
    }
    // A tunnel that is not dug; the password of the proxy is not repeated.
    let done = fetch(&[("https_proxy", login)], "https://nowhere.invalid");
    assert!(done.code == 2 && !done.err.contains("secret"), "{}", done.err);
}

#[test]
fn the_store_is_listed_checked_and_pruned() {
    let server = Server::start(|_| Reply::whole(&body()));
    let desk = Desk::new(&[server.url()]);
    assert_eq!(desk.fetch().code, 0);
    let list = desk.run(&["store", "list"]);
    assert!(list.code == 0 && list.out.starts_with(&Sha256Sum::of(&body()).hex()), "{}", list.out);
    assert_eq!(desk.run(&["store", "check"]).code, 0);
    // A byte changes on the disk: found, said, and fetched again.
    let mut bytes = body();
    bytes[7] ^= 1;
    fs::write(desk.stored(), &bytes).unwrap();
    let check = desk.run(&["store", "check"]);
    assert!(check.code == 1 && check.out.contains("not those of its name"), "{}", check.out);
    assert_eq!(desk.fetch().code, 0);
    assert_eq!(fs::read(desk.stored()).unwrap(), body());
    // What the lock names stays.
    let other = Sha256Sum::of(b"other").hex();
    let other = desk.path().join("store/sha256").join(&other[..2]).join(&other);
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, b"other").unwrap();
    let would = desk.run(&["store", "prune", "cluster.lock", "--dry-run"]);
    assert!(would.code == 0 && other.exists() && would.out.contains(&*other.to_string_lossy()), "{}", would.err);
    assert_eq!(desk.run(&["store", "prune", "cluster.lock"]).code, 0);
    assert!(!other.exists() && desk.stored().exists());
    assert_eq!(desk.run(&["store", "prune"]).code, 2);
    assert_eq!(desk.run(&["store", "prune", "--all"]).code, 0);
    assert!(!desk.stored().exists());
}
