//! The page of `report`: one file that needs nothing else, readable for everybody, and silent about secrets.

use std::fs;

use regex_lite::Regex;

use super::cli::finish;
use super::support::{self, clusterseed, scratch};

fn page(name: &str) -> String {
    let spec = support::data("golden").join(name).join("cluster.yaml");
    let done = finish(clusterseed().args(["report", "-o", "-"]).arg(spec));
    assert_eq!(done.code, 0, "{name}: {}", done.err);
    done.out
}

/// Elements that stand alone.
const VOID: [&str; 6] = ["meta", "br", "rect", "path", "circle", "!DOCTYPE"];

/// Names of all elements, in order; every one that opens closes where it must.
pub fn elements(page: &str) -> Vec<String> {
    let (mut open, mut all): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let body = Regex::new("(?s)<style>.*</style>|<!--.*?-->").expect("a pattern").replace_all(page, "").into_owned();
    for tag in Regex::new("<(/?)([A-Za-z!][A-Za-z0-9]*)([^>]*)>").expect("a pattern").captures_iter(&body) {
        let name = tag[2].to_string();
        if &tag[1] == "/" {
            assert_eq!(open.pop().as_ref(), Some(&name), "</{name}> closes another element");
            continue;
        }
        if !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        all.push(name);
    }
    assert!(open.is_empty(), "{open:?} never close");
    all
}

#[test]
fn pages_are_whole_and_alone() {
    for name in ["guide", "secrets", "both-roles", "url", "debian-12", "single-master"] {
        let page = page(name);
        let elements = elements(&page);
        for landmark in ["header", "nav", "main", "footer", "h1", "svg", "title"] {
            assert!(elements.iter().any(|element| element == landmark), "{name} lacks {landmark}");
        }
        assert_eq!(elements.iter().filter(|element| *element == "h1").count(), 1);
        for foreign in ["script", "link", "img", "iframe", "object", "form"] {
            assert!(!elements.iter().any(|element| element == foreign), "{name} has {foreign}");
        }
        for outward in [" src=", "url(", "@import", " on"] {
            let in_tag = Regex::new(&format!("<[^>]*{}[a-z]*=", regex_lite::escape(outward.trim_end_matches('=')))).expect("a pattern");
            assert!(!in_tag.is_match(&page), "{name} reaches out by {outward}");
        }
        // Every address on the page is one within it, and leads somewhere.
        for link in Regex::new("href=\"([^\"]*)\"").expect("a pattern").captures_iter(&page) {
            let target = link[1].strip_prefix('#').expect("a place on the page");
            assert!(page.contains(&format!("id=\"{target}\"")), "{name}: #{target}");
        }
        let ids: Vec<String> = Regex::new(" id=\"([^\"]*)\"").expect("a pattern").captures_iter(&page).map(|c| c[1].to_string()).collect();
        assert_eq!(ids.len(), ids.iter().collect::<std::collections::BTreeSet<_>>().len(), "{ids:?}");
        assert!(!page.contains("-secret-9") && !page.contains("-pass-9") && !page.contains("wOrd"), "{name} tells a secret");
    }
}

/// The ratio of WCAG 2.1 between two colours written `#rgb` or `#rrggbb`.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |colour: &str| {
        let digits: Vec<f64> = colour.trim_start_matches('#').chars().map(|c| f64::from(c.to_digit(16).expect("a digit"))).collect();
        let channels: Vec<f64> = match digits.len() {
            3 => digits.iter().map(|d| d * 17.0).collect(),
            _ => digits.chunks(2).map(|pair| pair[0] * 16.0 + pair[1]).collect(),
        };
        let linear = |c: f64| if c / 255.0 <= 0.03928 { c / 255.0 / 12.92 } else { ((c / 255.0 + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(channels[0]) + 0.7152 * linear(channels[1]) + 0.0722 * linear(channels[2])
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn words_stand_out_in_light_dark_and_print() {
    assert!((contrast("#fff", "#000000") - 21.0).abs() < 0.01);
    let page = page("guide");
    let palettes: Vec<String> =
        Regex::new(r":root\{([^}]*)\}").expect("a pattern").captures_iter(&page).map(|c| c[1].to_string()).collect();
    assert_eq!(palettes.len(), 3);
    for palette in palettes {
        let colour = |name: &str| {
            let found = Regex::new(&format!("--{name}:(#[0-9a-f]+)")).expect("a pattern").captures(&palette).map(|c| c[1].to_string());
            found.unwrap_or_else(|| panic!("{name} in {palette}"))
        };
        for (text, behind) in [
            ("fg", "bg"),
            ("soft", "bg"),
            ("mark", "bg"),
            ("fg", "box"),
            ("soft", "box"),
            ("fg", "warnbox"),
            ("soft", "warnbox"),
            ("warn", "warnbox"),
            ("warn", "box"),
            ("ok", "bg"),
            ("ok", "box"),
            ("bad", "bg"),
            ("bad", "box"),
        ] {
            let ratio = contrast(&colour(text), &colour(behind));
            assert!(ratio >= 4.5, "{text} on {behind}: {ratio:.2} in {palette}");
        }
    }
}

/// The same bytes each time; three hundred hosts stay a small page, each of them on it.
#[test]
fn pages_are_the_same_and_stay_small() {
    assert_eq!(page("guide"), page("guide"));
    let folder = scratch();
    let spec = fs::read_to_string(support::data("golden/single-master/cluster.yaml")).expect("a spec");
    let hosts = spec.find("hosts:").expect("hosts");
    let many =
        "hosts:\n  - {name: \"m[1-3]\", role: master, address: 198.51.0.1}\n  - {name: \"s[1-297]\", role: slave, address: 198.51.1.1}\n";
    let rest = Regex::new(r"(?s)^hosts:\n(  [^\n]*\n)*").expect("a pattern").replace(&spec[hosts..], many).into_owned();
    let text = format!("{}{rest}", &spec[..hosts]);
    let text = Regex::new(r"subnet: [0-9./]+").expect("a pattern").replace(&text, "subnet: 198.51.0.0/16").into_owned();
    fs::write(folder.path().join("many.yaml"), text).expect("a spec");
    let done = finish(clusterseed().args(["report", "many.yaml", "-o", "-"]).current_dir(folder.path()));
    assert_eq!(done.code, 0, "{}", done.err);
    elements(&done.out);
    assert!(done.out.len() < 60_000, "{}", done.out.len());
    assert!((1..=297).all(|n| done.out.contains(&format!("<li>s{n} <"))));
}

/// Only a report is written over.
#[test]
fn foreign_files_are_left_alone() {
    let folder = scratch();
    let spec = support::data("golden/single-master/cluster.yaml");
    let write = || finish(clusterseed().arg("report").arg(&spec).current_dir(folder.path()));
    assert_eq!(write().code, 0);
    assert_eq!(write().code, 0, "an earlier report is written over");
    let path = folder.path().join("report.html");
    assert_eq!(fs::read_to_string(&path).expect("a page"), page("single-master"));
    fs::write(&path, "mine").expect("a file");
    let refused = write();
    assert_eq!((refused.code, fs::read_to_string(&path).expect("a file").as_str()), (2, "mine"), "{}", refused.err);
}
