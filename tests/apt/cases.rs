//! The folders: what we answer, and what apt answers.

use std::fs;
use std::path::PathBuf;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::oracle::{self, Apt};
use super::world::{Texts, World};
use crate::support::{data, expect, scratch};

/// Fewer and something was lost.
const CASES: usize = 40;

fn cases() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(data("apt")).expect("tests/apt").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<_> =
        entries.filter(|path| path.is_dir()).map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path)).collect();
    cases.sort();
    assert!(cases.len() >= CASES, "{} cases", cases.len());
    cases
}

#[test]
fn cases_are_answered_as_expected() {
    let mut wrong = Vec::new();
    for (_, folder) in cases() {
        let texts = Texts::read(&folder);
        let world = World::read(&texts);
        wrong.extend(expect(&folder.join("expected"), &world.told(&world.resolve())).err());
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn apt_answers_the_same() {
    if !oracle::there() {
        return;
    }
    let compared = cases().into_par_iter().filter_map(|(name, folder)| {
        let texts = Texts::read(&folder);
        let world = World::read(&texts);
        let ours = World::set(&world.resolve());
        let root = scratch();
        let (theirs, said) = Apt::new(root.path(), &texts).install(&texts.wanted());
        let differs = folder.join("differs").exists();
        let so = if differs { "no longer differs" } else { "differs" };
        ((ours == theirs) == differs).then(|| format!("{name} {so}\n  ours: {ours:?}\n  apt:  {theirs:?}\n{said}"))
    });
    let wrong: Vec<String> = compared.collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
