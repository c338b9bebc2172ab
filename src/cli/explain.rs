//! `explain`: the long text of a code, or the list of all.

use anyhow::{Result, bail};

use super::args::{Explain, Global};
use super::{Verdict, report};
use crate::change::danger;
use crate::diag::{Diagnostics, Sources, codes, did_you_mean};
use crate::io::load;
use crate::profile::{Profile, load as profile_load};

/// Prints a code's text.
pub fn run(options: &Explain, global: &Global) -> Result<Verdict> {
    // Our own codes need no profile to be read.
    if let Some((head, explain)) = options.code.as_deref().and_then(own) {
        report::data(&format!("{}\n\n{}\n", wrapped(&head), wrapped(explain)))?;
        return Ok(Verdict::Done);
    }
    let profiles = profiles(global)?;
    let rules = profiles.iter().flat_map(|p| {
        let rules = p
            .rules
            .iter()
            .map(|rule| (&rule.code, if rule.warning { "a warning of the profile" } else { "an error of the profile" }, &rule.explain));
        let watches = p.watch.iter().map(|watch| (&watch.code, "a change that needs care, known to the profile", &watch.explain));
        rules.chain(watches).map(move |(code, kind, explain)| (format!("{}/{code}", p.name), kind, explain))
    });
    let rules: Vec<_> = rules.collect();
    let Some(wanted) = &options.code else {
        let own = codes::ALL.iter().map(|c| (c.name.to_string(), c.summary.to_string()));
        let changes = danger::CODES.iter().map(|(name, summary, _)| ((*name).to_string(), (*summary).to_string()));
        let theirs = rules.iter().map(|(name, _, explain)| (name.clone(), first_sentence(explain)));
        let codes: Vec<_> = own.chain(changes).chain(theirs).collect();
        let width = codes.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let list: String = codes.iter().map(|(name, summary)| format!("{name:<width$}  {summary}\n")).collect();
        report::data(&list)?;
        return Ok(Verdict::Done);
    };
    if let Some((name, kind, explain)) = rules.iter().find(|(name, _, _)| name == wanted) {
        report::data(&format!("{}\n\n{}\n", wrapped(&format!("{name}: {kind}")), wrapped(explain)))?;
    } else {
        let own = codes::ALL.iter().map(|c| c.name).chain(danger::CODES.iter().map(|(name, _, _)| *name));
        let known: Vec<&str> = own.chain(rules.iter().map(|(name, _, _)| name.as_str())).collect();
        bail!("there is no code `{wanted}`; {}", did_you_mean(wanted, known.iter().copied()));
    }
    Ok(Verdict::Done)
}

/// Headline and text of a code that belongs to no profile.
fn own(wanted: &str) -> Option<(String, &'static str)> {
    if let Some(code) = codes::find(wanted) {
        return Some((format!("{}: {}", code.name, code.summary), code.explain));
    }
    let (name, summary, explain) = danger::CODES.iter().find(|(name, _, _)| *name == wanted)?;
    Some((format!("{name}: {summary}"), explain))
}

fn profiles(global: &Global) -> Result<Vec<Profile>> {
    let catalog = load::catalog(&global.profile_dir)?;
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let names: Vec<String> = catalog.profiles().into_iter().map(str::to_string).collect();
    Ok(names.iter().filter_map(|name| profile_load::load(name, &catalog, &mut sources, &mut diags)).collect())
}

/// The first sentence on one line. A full stop inside a version or a path does not end it.
fn first_sentence(text: &str) -> String {
    let words = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    words.split_once(". ").map_or(words.trim_end_matches('.'), |(sentence, _)| sentence).to_string()
}

/// Paragraphs in lines of at most 78 characters.
pub fn wrapped(text: &str) -> String {
    let paragraph = |text: &str| {
        let mut out = String::new();
        let mut column = 0;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > 78 {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out
    };
    text.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}
