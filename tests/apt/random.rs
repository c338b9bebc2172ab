//! Small universes by chance: every answer passes the verifier, what is called impossible is so, and where apt finds an answer so
//! do we.

use std::collections::BTreeMap;
use std::fmt::Write;

use clusterseed::apt::resolve::{Chosen, Closure, Failure, Universe, Why};
use clusterseed::apt::verify::verify;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::oracle::{self, Apt};
use super::world::{Texts, World, of_file};
use crate::support::scratch;

/// Numbers that are the same at each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

fn relation(chance: &mut Chance) -> String {
    let name = match chance.below(9) {
        0 => "v",
        1 => "w",
        _ => NAMES[usize::try_from(chance.below(7)).expect("small")],
    };
    match chance.below(6) {
        0 => format!("{name} (>= {})", 1 + chance.below(3)),
        1 => format!("{name} (<< {})", 2 + chance.below(2)),
        2 if chance.one_in(2) => format!("{name} (= {})", 1 + chance.below(2)),
        _ => name.into(),
    }
}

fn paragraph(chance: &mut Chance, name: &str, version: u64) -> String {
    let mut text =
        format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody <n@example.org>\nDescription: made up\n");
    let mut field = |name: &str, count: u64, most: u64, chance: &mut Chance| {
        let groups: Vec<String> =
            (0..count).map(|_| (0..=chance.below(most)).map(|_| relation(chance)).collect::<Vec<_>>().join(" | ")).collect();
        if !groups.is_empty() {
            let _ = writeln!(text, "{name}: {}", groups.join(", "));
        }
    };
    let count = chance.below(4);
    field("Depends", count, 3, chance);
    let count = u64::from(chance.one_in(9));
    field("Pre-Depends", count, 1, chance);
    let count = u64::from(chance.one_in(4));
    field("Conflicts", count, 1, chance);
    let count = u64::from(chance.one_in(6));
    field("Breaks", count, 1, chance);
    let count = u64::from(chance.one_in(8));
    field("Recommends", count, 1, chance);
    if chance.one_in(3) {
        let version = if chance.one_in(3) { " (= 2)" } else { "" };
        let _ = writeln!(text, "Provides: {}{version}", if chance.one_in(2) { "v" } else { "w" });
    }
    if chance.one_in(3) {
        let _ = writeln!(text, "Priority: {}", if chance.one_in(2) { "standard" } else { "optional" });
    }
    text
}

/// An index, and in every second universe a base that an older one gave.
fn texts(number: u64) -> Texts {
    let mut chance = Chance(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // The first numbers of neighbours are alike.
    (0..8).for_each(|_| assert!(chance.below(2) < 2));
    // The same version is the same package, in the base and in a later index.
    let mut known: BTreeMap<(&str, u64), String> = BTreeMap::new();
    let mut index = |most: u64, chance: &mut Chance| {
        let mut text = String::new();
        for name in NAMES {
            if chance.one_in(12) {
                continue;
            }
            let mut versions = vec![1 + chance.below(most)];
            if chance.one_in(6) {
                versions.push(versions[0] + 1);
            }
            for version in versions {
                let paragraph = known.entry((name, version)).or_insert_with(|| paragraph(chance, name, version));
                let _ = writeln!(text, "{paragraph}{}", of_file(name));
            }
        }
        text
    };
    let request = |chance: &mut Chance| {
        let names: Vec<&str> = (0..=chance.below(2)).map(|_| NAMES[usize::try_from(chance.below(7)).expect("small")]).collect();
        format!("install {}\n", names.join(" "))
    };
    let mut texts = Texts { sources: vec![("main".into(), index(2, &mut chance))], status: String::new(), request: request(&mut chance) };
    if number % 2 == 1 {
        let world = World::read(&texts);
        let mut status = String::new();
        for chosen in world.resolve().map(|closure| closure.packages).unwrap_or_default() {
            let paragraph = chosen.offer.package.paragraph.expect("its text").without(&["Filename", "Size", "SHA256"]);
            let _ = writeln!(status, "{paragraph}Status: install ok installed\n");
        }
        texts = Texts { sources: vec![("main".into(), index(3, &mut chance))], status, request: request(&mut chance) };
    }
    texts
}

/// True when some choice among candidates and the base is whole, by trying all of them.
fn possible(world: &World<'_>) -> bool {
    let request = world.request();
    let mut parts: Vec<(Option<&clusterseed::apt::index::Offer<'_>>, Option<&clusterseed::apt::Package<'_>>)> = Vec::new();
    for name in NAMES {
        let base = world.base.iter().map(|installed| &installed.package).find(|package| package.name == name);
        let offers = world.sources[0].offers.iter().filter(|offer| offer.package.name == name);
        let newest = offers.max_by(|a, b| clusterseed::format::debversion::compare(a.package.version, b.package.version));
        let newer = newest
            .filter(|offer| base.is_none_or(|base| clusterseed::format::debversion::compare(offer.package.version, base.version).is_gt()));
        parts.push((newer, base));
    }
    let choices = 3_usize.pow(7);
    (0..choices).any(|mut choice| {
        let mut closure = Closure::default();
        for (offer, base) in &parts {
            let digit = choice % 3;
            choice /= 3;
            match (digit, offer, base) {
                (0, _, _) => {}
                (1, Some(offer), _) => {
                    closure.packages.push(Chosen { source: 0, offer, replaces: base.map(|base| base.version), why: Why::Left });
                }
                (2, _, Some(base)) => closure.removed.push(**base),
                _ => return false,
            }
        }
        // What is wanted is there in its candidate version.
        let newest = |want: &clusterseed::apt::resolve::Want<'_>| {
            let place = NAMES.iter().position(|name| *name == want.name).expect("a name");
            parts[place].0.is_none_or(|offer| closure.packages.iter().any(|chosen| std::ptr::eq(chosen.offer, offer)))
        };
        world.wanted.iter().all(newest) && verify(&request, &world.wanted, &closure).is_empty()
    })
}

#[test]
fn answers_are_whole_and_what_is_impossible_is_so() {
    let (mut answers, mut impossible, mut searched) = (0, 0, 0);
    let outcomes: Vec<_> = (0..1_000_u64)
        .into_par_iter()
        .map(|number| {
            let texts = texts(number);
            let world = World::read(&texts);
            // `resolve` of the world asks the verifier.
            match world.resolve() {
                Ok(closure) => (true, closure.searched),
                Err(Failure::Impossible(explanation)) => {
                    assert!(!explanation.lines.is_empty() && !explanation.wants.is_empty(), "{number}");
                    if number < 150 {
                        assert!(!possible(&world), "{number}: {}\n{}\n{}", texts.request, texts.sources[0].1, texts.status);
                    }
                    (false, false)
                }
                Err(other) => panic!("{number}: {other}"),
            }
        })
        .collect();
    for (answered, by_search) in outcomes {
        answers += u32::from(answered);
        searched += u32::from(by_search);
        impossible += u32::from(!answered);
    }
    println!("{answers} answers, {searched} of them searched, {impossible} impossible");
    assert!(answers > 300 && impossible > 100 && searched > 5);
}

/// How apt and we differ over universes of some numbers.
fn compare(numbers: std::ops::Range<u64>) -> (usize, Vec<String>) {
    let compared: Vec<Option<String>> = numbers
        .into_par_iter()
        .filter_map(|number| {
            let texts = texts(number);
            let world = World::read(&texts);
            if Universe::new(world.request()).is_err() {
                return None;
            }
            let answer = world.resolve();
            let root = scratch();
            let (theirs, said) = Apt::new(root.path(), &texts).install(&texts.wanted());
            let ours = World::set(&answer);
            assert!(
                theirs.is_none() || ours.is_some(),
                "{number}: only apt finds an answer\n{said}\n{}\n{}",
                texts.sources[0].1,
                world.told(&answer)
            );
            let same = ours == theirs;
            let how = match (&answer, &theirs) {
                (Ok(closure), Some(_)) if closure.searched => "searched",
                (Ok(_), Some(_)) => "marked",
                _ => "only we",
            };
            if !same && std::env::var("UNIVERSE").is_ok_and(|shown| shown == number.to_string()) {
                println!("{}\n{}\n{}\n{said}", texts.request, texts.sources[0].1, texts.status);
            }
            Some((!same).then(|| format!("{number} ({how})\n  ours: {ours:?}\n  apt:  {theirs:?}")))
        })
        .collect();
    (compared.len(), compared.into_iter().flatten().collect())
}

#[test]
fn where_apt_finds_an_answer_so_do_we() {
    if !oracle::there() {
        return;
    }
    let (count, differ) = compare(0..60);
    println!("{} of {count} differ\n{}", differ.len(), differ.join("\n"));
    assert!(differ.len() * 8 < count, "{}", differ.join("\n"));
}

#[test]
#[ignore = "asks apt a hundred times, or UNIVERSES=N times"]
fn many_universes_beside_apt() {
    if !oracle::there() {
        return;
    }
    let count = std::env::var("UNIVERSES").ok().and_then(|count| count.parse().ok()).unwrap_or(100);
    let (count, differ) = compare(0..count);
    println!("{} of {count} differ\n{}", differ.len(), differ.join("\n"));
    assert!(differ.len() * 8 < count, "{} of {count}", differ.len());
}
