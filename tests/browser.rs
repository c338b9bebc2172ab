//! The pages of `report` and `status --html` in Chromium: on a phone, a tablet and a desktop, light and dark, and on paper.
//!
//! `CLUSTERSEED_PICTURES=FOLDER` keeps what is on the screen, for people to look at.

mod devtools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cli::finish;
use super::status::page::many;
use super::status::server::Served;
use super::status::{Case, case};
use super::support::{self, clusterseed, scratch, texts};
use devtools::Browser;

/// Phone, tablet, desktop.
const WIDTHS: [u32; 3] = [360, 820, 1400];
const LOOK: &str = include_str!("browser/look.js");

#[test]
#[ignore = "some seconds; needs Debian's chromium and poppler-utils"]
fn pages_in_a_browser() {
    let folder = scratch();
    let mut wrong = Vec::new();
    let mut browser = Browser::begin();
    for (name, page, most) in pages(folder.path()) {
        browser.open(&page);
        for (width, scheme) in WIDTHS.iter().flat_map(|width| ["light", "dark"].map(|scheme| (*width, scheme))) {
            browser.window(width, scheme);
            let found = browser.evaluate(LOOK);
            let found = found.as_array().expect("a list").iter();
            wrong.extend(found.map(|why| format!("{name}, {width} {scheme}: {}", why.as_str().unwrap_or_default())));
            if let Some(kept) = std::env::var_os("CLUSTERSEED_PICTURES") {
                let path = PathBuf::from(kept).join(format!("{name}-{width}-{scheme}.png"));
                fs::write(path, browser.picture()).expect("a picture");
            }
        }
        let paper = page.with_extension("pdf");
        fs::write(&paper, browser.paper()).expect("a file");
        wrong.extend(on_paper(&paper, &page, most).into_iter().map(|why| format!("{name}, on paper: {why}")));
        wrong.extend(browser.complaints.drain(..).map(|why| format!("{name}: the browser says {why}")));
    }
    // The look must see what it looks for.
    let bad = folder.path().join("bad.html");
    let text = "<!DOCTYPE html><meta name='viewport' content='width=device-width'><title>x</title><h1>a</h1><h3 style='color:#999;width:900px'>b</h3><svg></svg><script>x()</script>";
    fs::write(&bad, text).expect("a page");
    browser.open(&bad);
    browser.window(360, "light");
    let found = browser.evaluate(LOOK).to_string();
    for sign in ["runs over 360", "contrast 2.85", "h3 comes after h1", "landmarks: ", "no language", "without title"] {
        assert!(found.contains(sign), "{sign} is not seen: {found}");
    }
    assert!(browser.complaints.iter().any(|why| why.contains("x is not defined")), "{:?}", browser.complaints);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Name, file, and how many sheets of paper it may take.
fn pages(folder: &Path) -> Vec<(&'static str, PathBuf, usize)> {
    let report = |name: &'static str, spec: &Path| {
        let page = folder.join(format!("{name}.html"));
        let done = finish(clusterseed().arg("report").arg(spec).arg("-o").arg(&page));
        assert_eq!(done.code, 0, "{name}: {}", done.err);
        page
    };
    let live = |name: &'static str, case: &Case| {
        let (own, page) = (scratch(), folder.join(format!("{name}.html")));
        let served = Served::begin(&case.hosts(own.path()), case.rules.clone(), case.login.clone());
        let output = case.command(own.path(), &served).arg("--html").arg(&page).output().expect("the program");
        assert!(page.is_file(), "{name}: {}", texts(&output).1);
        page
    };
    let six = support::data("golden/guide/cluster.yaml");
    let hundreds = folder.join("hundreds.yaml");
    fs::write(&hundreds, many(&[]).spec).expect("a spec");
    vec![
        ("report-6", report("report-6", &six), 6),
        ("report-300", report("report-300", &hundreds), 9),
        ("live-sound", live("live-sound", &case("sound-guide")), 6),
        ("live-broken", live("live-broken", &case("everything")), 8),
        ("live-300", live("live-300", &many(&["slave10*"])), 14),
    ]
}

/// What is wrong with the printed page: its sheets, their size, and words that got lost.
fn on_paper(pdf: &Path, page: &Path, most: usize) -> Vec<String> {
    let tool = |name: &str, more: &[&str]| {
        let output = Command::new(name).arg(pdf).args(more).output();
        texts(&output.unwrap_or_else(|why| panic!("{name}, which poppler-utils has: {why}"))).0
    };
    let mut wrong = Vec::new();
    let facts = tool("pdfinfo", &[]);
    let fact = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_string();
    let sheets: usize = fact("Pages:").parse().unwrap_or(0);
    if sheets == 0 || sheets > most {
        wrong.push(format!("{sheets} sheets, at most {most}"));
    }
    // 210 by 297 mm in points.
    let size: Vec<f64> = fact("Page size:").split_whitespace().filter_map(|word| word.parse().ok()).collect();
    if !matches!(size[..], [w, h] if (w - 595.28).abs() < 1.0 && (h - 841.89).abs() < 1.0) {
        wrong.push(format!("no A4: {size:?}"));
    }
    let text = tool("pdftotext", &["-"]);
    let html = fs::read_to_string(page).expect("a page");
    let hosts = regex_lite::Regex::new(r#"(?:<th scope="row">|<li>)((?:master|slave)\d+)[ <]"#).expect("a pattern");
    let words: Vec<&str> = text.split_whitespace().collect();
    let lost: Vec<String> = hosts.captures_iter(&html).map(|c| c[1].to_string()).filter(|host| !words.contains(&host.as_str())).collect();
    if !lost.is_empty() {
        wrong.push(format!("{lost:?} are not there"));
    }
    wrong
}
