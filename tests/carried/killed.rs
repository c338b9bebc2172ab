//! A `fetch` that is killed again and again, at any byte, loses nothing and leaves nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clusterseed::format::checksum::Sha256Sum;
use clusterseed::io::store::Store;
use rustix::fs::{FlockOperation, flock};

use super::desk::Desk;
use super::server::{Reply, Request, Server};
use crate::cli::finish;
use crate::support::files;

/// How many packages, and bytes of each.
const PACKAGES: u8 = 4;
const SIZE: usize = 200_000;
/// Bytes that come at once, and the pause after them: 75 ms for each package.
const PIECE: usize = 10_000;
const PAUSE: Duration = Duration::from_millis(15);

/// What a package holds: no part of it is like another.
fn body(number: u8) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32 + u32::from(number);
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..SIZE).map(next).collect()
}

fn slowly(mut reply: Reply) -> Reply {
    let whole = reply.parts.remove(0).1;
    reply.parts = whole.chunks(PIECE).map(|piece| (PAUSE, piece.to_vec())).collect();
    reply
}

#[test]
fn a_fetch_that_is_killed_again_and_again() {
    let bodies: BTreeMap<String, Vec<u8>> = (0..PACKAGES).map(|number| (format!("p{number}.deb"), body(number))).collect();
    let served = bodies.clone();
    let server = Server::start(move |request: &Request| {
        served.get(request.target.trim_start_matches('/')).map_or_else(|| Reply::status(404), |body| slowly(Reply::part(body, request)))
    });
    let names = (0..PACKAGES).map(|number| format!("p{number}")).collect::<Vec<_>>();
    let index: String = bodies
        .iter()
        .map(|(file, body)| {
            let (name, sha256) = (file.trim_end_matches(".deb"), Sha256Sum::of(body).hex());
            format!("Package: {name}\nVersion: 1\nArchitecture: all\nFilename: {file}\nSize: {SIZE}\nSHA256: {sha256}\n\n")
        })
        .collect();
    let desk = Desk::new(&names.join(", "), &[]);
    // The lock is made from a folder, and then says where the packages are served.
    let source = desk.flat("pool", &index);
    desk.spec(&names.join(", "), std::slice::from_ref(&source), "");
    let done = desk.lock(&[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let place = format!("file://{}", desk.path().join("pool").display());
    for name in ["cluster.yaml", "cluster.lock"] {
        let path = desk.path().join(name);
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(&place, &server.url())).unwrap();
    }

    // What is not ours stays, what a killed run left goes, and what a living one has is left to it.
    let store = desk.path().join("store");
    fs::create_dir_all(store.join("incoming")).unwrap();
    for name in ["README", "incoming/notes.txt", "incoming/7-x"] {
        fs::write(store.join(name), "mine").unwrap();
    }
    fs::write(store.join("incoming/999999-0"), "left").unwrap();
    let living = File::create(store.join("incoming/999999-1")).unwrap();
    flock(&living, FlockOperation::NonBlockingLockExclusive).unwrap();

    let stored = |body: &[u8]| Store::at(&store).path(&Sha256Sum::of(body));
    let (mut kills, mut before) = (0, 0);
    let until = Instant::now() + Duration::from_secs(120);
    for round in 0u64.. {
        assert!(Instant::now() < until, "it never ends");
        let mut command = desk.command(&["fetch", "cluster.yaml", "--jobs", "2"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From the very start to almost one package; more in time, so that a slow machine ends as well.
        std::thread::sleep(Duration::from_millis(5 + (round * 37) % 140 + round * 10));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
        // Every byte that has arrived is still there.
        let there = |file: &Path| fs::metadata(file).map_or(0, |meta| meta.len());
        let parts = files(&store.join("incoming")).into_iter().filter(|(name, _)| name.ends_with(".part"));
        let now: u64 = parts.map(|(_, path)| there(&path)).sum::<u64>() + bodies.values().map(|body| there(&stored(body))).sum::<u64>();
        assert!(now >= before, "round {round}: {now} bytes, and {before} were there");
        before = now;
        for body in bodies.values().filter(|body| stored(body).exists()) {
            assert!(fs::read(stored(body)).unwrap() == *body, "a file of the store is whole from the beginning");
        }
    }
    assert!(kills >= 5, "only {kills} were killed");
    let done = finish(&mut desk.command(&["fetch", "cluster.yaml"]));
    assert!(done.code == 0 && done.err.contains("0 fetched, 4 were there"), "{}", done.err);
    for body in bodies.values() {
        assert!(fs::read(stored(body)).unwrap() == *body);
    }
    // Each request begins where the one before it ended, or later: nothing was asked for twice but what was on its way.
    let mut from: BTreeMap<String, usize> = BTreeMap::new();
    for request in server.seen() {
        let last = from.entry(request.target.clone()).or_default();
        let now = request.from.unwrap_or(0);
        assert!(now >= *last, "{} from {now} after {last}", request.target);
        *last = now;
    }
    assert!(from.values().any(|from| *from > 0), "no download was resumed");
    let left: Vec<String> = files(&store.join("incoming")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["7-x", "999999-1", "notes.txt"]);
    assert_eq!(fs::read_to_string(store.join("README")).unwrap(), "mine");
}

/// Whoever shares a store may share process ids, too, as containers do: a name that is taken is somebody's.
#[test]
fn names_that_are_taken_are_left_alone() {
    let folder = crate::support::scratch();
    let store = Store::at(folder.path());
    fs::create_dir(folder.path().join("incoming")).unwrap();
    let taken: Vec<_> = (0..400).map(|number| folder.path().join(format!("incoming/{}-{number}", std::process::id()))).collect();
    taken.iter().for_each(|path| fs::write(path, "somebody's").unwrap());
    for number in 0..50u8 {
        let bytes = [number; 100];
        store.put(Sha256Sum::of(&bytes), 100, &bytes[..]).unwrap();
        assert!(store.check(&Sha256Sum::of(&bytes), 100).unwrap());
    }
    assert!(taken.iter().all(|path| fs::read_to_string(path).is_ok_and(|text| text == "somebody's")));
    assert_eq!(files(&folder.path().join("incoming")).len(), taken.len(), "nothing of ours is left");
    assert!(store.put(Sha256Sum::of(b"a"), 1, &b"b"[..]).is_err());
    assert_eq!(files(&folder.path().join("incoming")).len(), taken.len(), "nor of what was refused");
}
