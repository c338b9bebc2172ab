//! `apps`: what services were given, against what the spec gives them; and giving it, when asked to.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value as Json, json};

use super::args::{Apps, Format, Global};
use super::check::Checked;
use super::{Verdict, report, status};
use crate::cluster::Cluster;
use crate::cluster::documents::{Document, Given};
use crate::diag::{Diagnostics, did_you_mean};
use crate::emit;
use crate::io::probe::{self, Message, Reply};
use crate::status::documents::{self, DocumentReport, State};
use crate::status::value::clean;
use crate::status::{Failure, Request, ask};

/// Version of `apps --format json`.
const FORMAT: u32 = 1;
/// Between two looks whether all runs.
const PAUSE: Duration = Duration::from_secs(2);

/// Compares, and with `--submit` or `--delete` changes what runs.
pub fn run(options: &Apps, global: &Global) -> Result<Verdict> {
    let Some(Checked { cluster, .. }) = Checked::load(&options.input, global, Format::Text)? else {
        bail!("the spec has errors, so nobody was asked")
    };
    let elsewhere = status::elsewhere(&cluster, &options.asking.resolve)?;
    let model = ask::model(&cluster, &mut Diagnostics::new());
    let places = model.places(&elsewhere);
    let requests = model.requests(&elsewhere);
    names_are_known(options, &model.given)?;
    let mut kinds = Vec::new();
    for given in &model.given {
        let own = model.targets.iter().zip(&requests).filter(|(target, _)| target.service.name == given.submission.service.value);
        let doors = own.map(|(target, request)| (model.host(target).name.as_str(), request)).collect();
        kinds.push(Kind { cluster: &cluster, given, doors, places: &places, timeout: options.asking.timeout });
    }
    if kinds.is_empty() {
        report::say(&format!("{}: the spec gives nothing to a running service", cluster.name));
    }
    let mut all_well = true;
    let mut told = Vec::new();
    // All of them are looked at before anything is changed.
    let looks = kinds.iter().map(|kind| Ok((kind, kind.look()?))).collect::<Result<Vec<_>>>()?;
    let sides: Vec<(&str, &str, &[DocumentReport])> = looks
        .iter()
        .map(|(kind, (_, before))| {
            let submission = kind.given.submission;
            (submission.service.value.as_str(), submission.nouns.0.as_str(), &before[..])
        })
        .collect();
    let deletions = deletions(&options.delete, &sides)?;
    for ((kind, (asked, before)), delete) in looks.into_iter().zip(deletions) {
        let done = if options.submit.is_some() || !delete.is_empty() { kind.change(options, &delete, &before) } else { BTreeMap::new() };
        let (asked, after) = if done.is_empty() { (asked, before) } else { kind.settle(options, &done)? };
        let refused = done.values().any(Result::is_err);
        let differ = |d: &DocumentReport| matches!(d.state, State::Missing | State::Different) || (d.lacks() && d.state != State::Extra);
        // What was just taken may still be starting; with --wait it had its time.
        let taken = |d: &DocumentReport| options.asking.wait.is_none() && matches!(done.get(&d.key), Some(Ok(_)));
        all_well &= !refused && !after.iter().any(|d| differ(d) && !taken(d));
        if options.asking.format == Format::Text {
            report::data(&table(kind, asked, &after))?;
            report::say(summary(kind, &after, &done).trim_end());
        }
        told.extend(after.iter().map(|d| {
            let mut entry = status::view::document(d);
            entry["asked"] = json!(asked);
            entry["done"] = json!(done.get(&d.key).map(|done| done.as_ref().map_or("refused", |word| word)));
            entry["why"] = json!(done.get(&d.key).and_then(|done| done.as_ref().err()));
            entry
        }));
    }
    if options.asking.format == Format::Json {
        let whole = json!({
            "format": FORMAT, "product": emit::PRODUCT, "cluster": cluster.name, "profile": cluster.profile.name, "as_planned": all_well,
            "documents": told,
        });
        report::data(&format!("{whole:#}\n"))?;
    }
    Ok(if all_well { Verdict::Done } else { Verdict::Wrong })
}

/// Names after `--submit=` are those of the spec, names after `--delete` are not.
fn names_are_known(options: &Apps, given: &[Given<'_>]) -> Result<()> {
    let known: Vec<&str> = given.iter().flat_map(|given| &given.documents).map(|document| document.key.as_str()).collect();
    for name in options.submit.iter().flatten() {
        if !known.contains(&bare(name)) {
            bail!("the spec has no `{name}` to submit; {}", did_you_mean(bare(name), known.iter().copied()));
        }
    }
    if let Some(name) = options.delete.iter().find(|name| known.contains(&bare(name))) {
        bail!("`{name}` is in the spec, which would bring it back: take it out of the spec first");
    }
    if options.asking.wait.is_some() && options.submit.is_none() && options.delete.is_empty() {
        bail!("--wait goes with --submit or --delete; `clusterseed status SPEC --wait` waits for a cluster");
    }
    Ok(())
}

/// What of `--delete` each kind has, in their order: a name is one document of one of them. A kind is its service, its noun, and what
/// the service has.
fn deletions<'o>(names: &'o [String], kinds: &[(&str, &str, &[DocumentReport])]) -> Result<Vec<Vec<&'o str>>> {
    let mut found = vec![Vec::new(); kinds.len()];
    for name in names.iter().map(|name| bare(name)) {
        let there = |reports: &[DocumentReport]| reports.iter().any(|report| report.key == clean(name) && report.state == State::Extra);
        let places: Vec<usize> = (0..kinds.len()).filter(|at| there(kinds[*at].2)).collect();
        match places[..] {
            [at] => found[at].push(name),
            [] if kinds.is_empty() => bail!("no service is given anything, so there is no `{name}` to delete"),
            [] => bail!(
                "{}",
                kinds.iter().map(|(service, noun, _)| format!("{service} has no {noun} `{name}`")).collect::<Vec<_>>().join(", and ")
            ),
            _ => {
                let all: Vec<String> = places.iter().map(|at| format!("{} as {}", kinds[*at].0, kinds[*at].1)).collect();
                bail!("more than one has `{name}`: {}; delete by hand the one that you mean", all.join(", "));
            }
        }
    }
    Ok(found)
}

fn bare(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

/// Documents of one kind, and the instances of the service that takes them.
struct Kind<'k> {
    cluster: &'k Cluster,
    given: &'k Given<'k>,
    doors: Vec<(&'k str, &'k Request)>,
    places: &'k BTreeMap<String, Ipv4Addr>,
    timeout: Duration,
}

/// What was done, in a word, or why not, by the name of a document.
type Done = BTreeMap<String, std::result::Result<&'static str, String>>;

impl<'k> Kind<'k> {
    /// The first instance that answers speaks for all: those that do not lead pass questions on.
    fn send(&self, message: Message<'_>) -> std::result::Result<(&'k str, Reply), String> {
        let mut why = Vec::new();
        for (host, request) in &self.doors {
            match probe::send(request, self.places, self.timeout, message) {
                // An instance that has no leader to pass it on to says so with 5xx; another one may.
                Ok(reply) if reply.status < 500 => return Ok((host, reply)),
                Ok(reply) => why.push(format!("{host} says {}{}", reply.status, quoted(&reply))),
                Err(failure) => why.push(format!("{host} {}", words(&failure))),
            }
        }
        Err(if why.is_empty() { "no host of the spec runs it".into() } else { why.join("; ") })
    }

    fn read(&self, path: &str) -> Result<(&'k str, Json)> {
        let service = &self.given.submission.service.value;
        let (host, reply) = match self.send(Message { method: "GET", path, body: None }) {
            Ok(sent) => sent,
            Err(why) => bail!("{service} could not be asked: {why}"),
        };
        match reply.status {
            200 => match serde_json::from_slice(&reply.body) {
                Ok(json) => Ok((host, json)),
                Err(_) => bail!("what answers as {service} on {host} says no JSON at {path}"),
            },
            401 | 403 => bail!("{service} on {host} does not take the login of the spec, or asks for one that the spec does not have"),
            status => bail!("{service} on {host} answers {path} with {status}{}", quoted(&reply)),
        }
    }

    fn look(&self) -> Result<(&'k str, Vec<DocumentReport>)> {
        let (host, answer) = self.read(&self.given.submission.list.path)?;
        match documents::compare(self.cluster, self.given, &answer) {
            Some(reports) => Ok((host, reports)),
            None => {
                bail!("what {} on {host} says of its {} cannot be read", self.given.submission.service.value, self.given.submission.nouns.1)
            }
        }
    }

    /// Puts what is missing or different, deletes what is named.
    fn change(&self, options: &Apps, delete: &[&str], before: &[DocumentReport]) -> Done {
        let mut done = Done::new();
        let force = self.given.submission.force.as_deref().filter(|_| options.force).unwrap_or_default();
        let wanted = |name: &str| options.submit.as_ref().is_some_and(|names| names.is_empty() || names.iter().any(|n| bare(n) == name));
        for document in self.given.documents.iter().filter(|document| wanted(&document.key)) {
            let report = before.iter().find(|report| report.key == document.key);
            if report.is_some_and(|report| matches!(report.state, State::Missing | State::Different)) {
                done.insert(document.key.clone(), self.put(document, force));
            }
        }
        for name in delete {
            let path = format!("{}/{name}{force}", self.given.submission.list.path);
            let reply = self.send(Message { method: "DELETE", path: &path, body: None });
            done.insert((*name).to_string(), outcome(reply, "deleted"));
        }
        done
    }

    fn put(&self, document: &Document, force: &str) -> std::result::Result<&'static str, String> {
        let (path, text) = (format!("{}{force}", document.path), document.text());
        outcome(self.send(Message { method: "PUT", path: &path, body: Some(text.as_bytes()) }), "submitted")
    }

    /// Looks again after a change: until all that was taken runs and nothing is being done any more, as long as there is patience.
    fn settle(&self, options: &Apps, done: &Done) -> Result<(&'k str, Vec<DocumentReport>)> {
        let (begun, wait) = (Instant::now(), options.asking.wait.unwrap_or_default());
        let mut said = String::new();
        loop {
            let (host, after) = self.look()?;
            let busy = match &self.given.submission.busy {
                Some(path) => self.read(path)?.1.as_array().is_some_and(|list| !list.is_empty()),
                None => false,
            };
            let taken = |d: &&DocumentReport| matches!(done.get(&d.key), Some(Ok(_)));
            let waits: Vec<&str> =
                after.iter().filter(taken).filter(|d| d.lacks() || d.state != State::Same).map(|d| d.key.as_str()).collect();
            let left = wait.saturating_sub(begun.elapsed());
            if (waits.is_empty() && !busy) || left.is_zero() {
                return Ok((host, after));
            }
            let words = if waits.is_empty() { "deployments".to_string() } else { waits.join(", ") };
            if words != said {
                report::say(&format!("after {} s, waiting for {words}", begun.elapsed().as_secs()));
                said = words;
            }
            thread::sleep(PAUSE.min(left));
        }
    }
}

fn outcome(sent: std::result::Result<(&str, Reply), String>, word: &'static str) -> std::result::Result<&'static str, String> {
    match sent {
        Ok((_, reply)) if matches!(reply.status, 200 | 201 | 204) => Ok(word),
        Ok((_, reply)) if reply.status == 409 => Err(format!(
            "409, a deployment has locked it or something else stands in its way; `--force` overrides a lock{}",
            quoted(&reply)
        )),
        Ok((_, reply)) => Err(format!("{}{}", reply.status, quoted(&reply))),
        Err(why) => Err(why),
    }
}

fn quoted(reply: &Reply) -> String {
    let said = clean(String::from_utf8_lossy(&reply.body).split_whitespace().collect::<Vec<_>>().join(" ").as_str());
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

fn words(failure: &Failure) -> String {
    match failure {
        Failure::Unreachable(why) => format!("cannot be reached ({why})"),
        Failure::Refused => "refuses the connection".into(),
        Failure::Slow(_) => "does not answer in time".into(),
        Failure::Empty | Failure::Cut => "closes the connection without a whole answer".into(),
        Failure::Tls => "speaks TLS".into(),
        Failure::Loop | Failure::Away(_) => "redirects to nowhere".into(),
        Failure::TooLarge => "sends more than any such service says".into(),
        Failure::Garbage(_) | Failure::NotServing | Failure::Forbidden | Failure::Status(_) => "is something else".into(),
    }
}

fn table(kind: &Kind<'_>, asked: &str, reports: &[DocumentReport]) -> String {
    let submission = kind.given.submission;
    let mut out = format!("cluster {}: {} in {}, as {asked} says\n", kind.cluster.name, submission.nouns.1, submission.service.value);
    let width = reports.iter().map(|report| report.key.len()).max().unwrap_or(0);
    for report in reports {
        let (sign, words) = match report.state {
            State::Same => ("=", "as the spec says"),
            State::Different => ("~", "differs"),
            State::Missing => ("+", "is not there"),
            State::Extra => ("?", "not in the spec"),
        };
        let running = report.running.map(|(running, wanted)| format!(", {running} of {wanted} run")).unwrap_or_default();
        let _ = writeln!(out, "  {sign} {:width$}  {words}{running}", report.key);
        for difference in &report.differences {
            let _ = writeln!(out, "      - {}: {}", difference.name, difference.found.as_deref().unwrap_or("nothing"));
            let _ = writeln!(out, "      + {}: {}", difference.name, difference.planned);
        }
    }
    out
}

fn summary(kind: &Kind<'_>, reports: &[DocumentReport], done: &Done) -> String {
    let mut out = String::new();
    let nouns = &kind.given.submission.nouns;
    let named = |word: &str| done.iter().filter(|(_, d)| d.as_ref().ok() == Some(&word)).map(|(key, _)| key.as_str()).collect::<Vec<_>>();
    for word in ["submitted", "deleted"] {
        let names = named(word);
        if !names.is_empty() {
            let _ = writeln!(out, "{word}: {}", names.join(", "));
        }
    }
    for (key, why) in done.iter().filter_map(|(key, done)| Some((key, done.as_ref().err()?))) {
        let _ = writeln!(out, "not taken: {key}: {why}");
    }
    let count = |of: &dyn Fn(&DocumentReport) -> bool| reports.iter().filter(|report| of(report)).count();
    let (missing, different) = (count(&|d| d.state == State::Missing), count(&|d| d.state == State::Different));
    let lack = count(&|d| d.lacks() && d.state != State::Extra);
    let parts = [(missing, "missing"), (different, "different"), (lack, "not running as often as planned")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    match &parts[..] {
        [] => out.push_str("as the spec says\n"),
        parts => {
            let _ = writeln!(out, "{} of the spec: {}", report::count(kind.given.documents.len(), &nouns.0), parts.join(", "));
            if missing + different > 0 && done.is_empty() {
                out.push_str("`--submit` puts what is missing or different; without it nothing is changed\n");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{DocumentReport, State, deletions};

    #[test]
    fn a_name_is_deleted_where_it_is() {
        let report =
            |key: &str, state| DocumentReport { of: String::new(), key: key.into(), state, running: None, differences: Vec::new() };
        let apps = [report("a", State::Extra), report("both", State::Extra), report("ours", State::Same)];
        let jobs = [report("j", State::Extra), report("both", State::Extra)];
        let kinds: [(&str, &str, &[DocumentReport]); 2] = [("marathon", "app", &apps), ("chronos", "job", &jobs)];
        let told = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
            deletions(&names, &kinds)
                .map(|found| found.iter().map(|own| own.join(" ")).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(told(&["j", "/a"]), Ok(vec!["a".into(), "j".into()]));
        assert_eq!(told(&["a", "gone"]), Err("marathon has no app `gone`, and chronos has no job `gone`".into()));
        assert_eq!(told(&["ours"]), Err("marathon has no app `ours`, and chronos has no job `ours`".into()));
        assert_eq!(
            told(&["both"]),
            Err("more than one has `both`: marathon as app, chronos as job; delete by hand the one that you mean".into())
        );
    }
}
