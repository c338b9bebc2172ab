//! What a running service has of the documents that the spec gives it: what is missing, what is another, what does not run.

use minijinja::Value as Jinja;
use minijinja::value::ValueKind;
use serde_json::Value as Json;

use super::ask::Model;
use super::judge::Seen;
use super::value::{self, clean};
use super::{Answers, Code, Compared, Finding, words};
use crate::cluster::Cluster;
use crate::cluster::documents::Given;
use crate::profile::Submission;
use crate::profile::status::Question;
use crate::schema::Type;

/// A document, or one that the service has and the spec does not.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentReport {
    /// Name of the submission.
    pub of: String,
    /// What it goes by.
    pub key: String,
    /// How the two compare.
    pub state: State,
    /// How many run, and how many should; none: the service does not say.
    pub running: Option<(f64, f64)>,
    /// What differs, field by field; of what the spec does not set, nothing does.
    pub differences: Vec<Compared>,
}

/// How a document of the spec compares with that of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The service has it as the spec says.
    Same,
    /// The service has another one.
    Different,
    /// The service does not have it.
    Missing,
    /// The service has it, the spec does not.
    Extra,
}

impl State {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Missing => "missing",
            Self::Extra => "extra",
        }
    }
}

impl DocumentReport {
    /// True when fewer run than should.
    pub fn lacks(&self) -> bool {
        self.running.is_some_and(|(running, wanted)| running < wanted)
    }
}

/// Name of the question for the list of all documents of a kind.
pub fn question(submission: &Submission) -> Question {
    let ways = vec![submission.list.path.clone()];
    Question { name: format!("documents.{}", submission.name), ways, own: false, optional: true, text: false }
}

/// Compares the service's list with what the spec gives, in the order of the spec, what the spec does not have last. `None` when the
/// answer is no such list.
pub fn compare(cluster: &Cluster, given: &Given<'_>, answer: &Json) -> Option<Vec<DocumentReport>> {
    let (engine, list) = (&cluster.profile.engine, &given.submission.list);
    let whole = cluster.scope();
    let scope = value::scope(&whole, [("answer", Jinja::from_serialize(answer))]);
    let items = value::eval(engine, &list.items, &scope).filter(|items| items.kind() == ValueKind::Seq)?;
    let items: Vec<Jinja> = items.try_iter().ok()?.collect();
    let of = |item: &Jinja| value::scope(&whole, [("item", item.clone())]);
    let number = |source, item: &Jinja| value::text(engine, source, &of(item))?.parse::<f64>().ok().filter(|n| n.is_finite());
    let running = |item: &Jinja| list.running.as_ref().and_then(|(running, wanted)| Some((number(running, item)?, number(wanted, item)?)));
    // One without a name is none, and then nobody knows what the list is.
    let keys: Vec<String> = items.iter().map(|item| value::text(engine, &list.key, &of(item))).collect::<Option<_>>()?;
    let mut reports = Vec::new();
    for document in &given.documents {
        let found = keys.iter().position(|key| *key == document.key).map(|at| &items[at]);
        let differences = found.map_or_else(Vec::new, |found| {
            let found = serde_json::to_value(found).unwrap_or_default();
            let mut differences = Vec::new();
            differ(given.submission, given.item, "", (&document.json, Some(&found)), &mut differences);
            differences
        });
        reports.push(DocumentReport {
            of: given.submission.name.clone(),
            key: document.key.clone(),
            state: match found {
                None => State::Missing,
                Some(_) if differences.is_empty() => State::Same,
                Some(_) => State::Different,
            },
            running: found.and_then(running),
            differences,
        });
    }
    for (item, key) in items.iter().zip(&keys) {
        if given.documents.iter().any(|document| document.key == *key) {
            continue;
        }
        reports.push(DocumentReport {
            of: given.submission.name.clone(),
            key: clean(key),
            state: State::Extra,
            running: running(item),
            differences: Vec::new(),
        });
    }
    Some(reports)
}

/// Only what `wanted` sets is compared: a service adds what it takes for granted. Mappings with free keys are whole: what is put
/// there replaces what was.
fn differ(how: &Submission, ty: &Type, field: &str, (wanted, found): (&Json, Option<&Json>), out: &mut Vec<Compared>) {
    let below = |key: &str| if field.is_empty() { key.to_string() } else { format!("{field}.{key}") };
    let name = field.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or(field);
    match (ty, wanted, found) {
        (Type::Document(inner), ..) => differ(how, inner, field, (wanted, found), out),
        (Type::Object(fields), Json::Object(map), Some(Json::Object(there))) => {
            for (key, value) in map {
                if let Some(known) = fields.iter().find(|field| field.name == *key) {
                    differ(how, &known.ty, &below(key), (value, there.get(key)), out);
                }
            }
        }
        (Type::List(item), Json::Array(list), Some(Json::Array(there))) if list.len() == there.len() => {
            for (at, (value, there)) in list.iter().zip(there).enumerate() {
                differ(how, item, &below(&at.to_string()), (value, Some(there)), out);
            }
        }
        (Type::Map { values, .. }, Json::Object(map), Some(Json::Object(there))) => {
            for (key, value) in map {
                differ(how, values, &below(key), (value, there.get(key)), out);
            }
            for key in there.keys().filter(|key| !map.contains_key(*key)) {
                out.push(Compared { name: below(&clean(key)), found: there.get(key).map(shown), planned: "nothing".into() });
            }
        }
        _ => {
            let path = how.paths.iter().any(|path| path == name);
            let chosen = how.chosen.iter().any(|(key, value)| key == name && same(value, wanted, false));
            let empty = |value: &Json| match value {
                Json::Null => true,
                Json::Array(list) => list.is_empty(),
                Json::Object(map) => map.is_empty(),
                Json::String(text) => text.is_empty(),
                _ => false,
            };
            let both_empty = empty(wanted) && found.is_none_or(empty);
            // `[0]` stands for as many as the service chooses also where it has none yet.
            let list_chosen = matches!((wanted, found), (Json::Array(list), None | Some(Json::Array(_)))
                if !list.is_empty() && list.iter().all(|item| how.chosen.iter().any(|(key, value)| key == name && same(value, item, false)))
                    && found.is_none_or(empty));
            if !(chosen || both_empty || list_chosen || found.is_some_and(|found| same(wanted, found, path))) {
                out.push(Compared { name: field.to_string(), found: found.map(shown), planned: shown(wanted) });
            }
        }
    }
}

fn same(a: &Json, b: &Json, path: bool) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::String(a), Json::String(b)) if path => a.strip_prefix('/').unwrap_or(a) == b.strip_prefix('/').unwrap_or(b),
        (a, b) => a == b,
    }
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

/// What is not as planned, by the word of the leader, or of any instance where none leads. Gives what was compared as well.
pub fn judge(model: &Model<'_>, seen: &[Seen<'_>], answers: &[Answers]) -> (Vec<DocumentReport>, Vec<Finding>) {
    let (mut reports, mut findings) = (Vec::new(), Vec::new());
    for given in &model.given {
        let (submission, asked) = (given.submission, question(given.submission));
        let own =
            || seen.iter().zip(answers).filter(|(seen, _)| seen.target.service.name == submission.service.value && seen.failure.is_none());
        // What does not answer at all is said of the service itself.
        let Some((speaker, answer)) = own().find(|(seen, _)| seen.leads()).or_else(|| own().next()) else { continue };
        let said = answer.values.get(&asked.name).and_then(|answer| compare(model.cluster, given, answer));
        let (one, many) = (&submission.nouns.0, &submission.nouns.1);
        let mut push = |code, value, message, help| {
            let services = vec![submission.service.value.clone()];
            findings.push(Finding { code, note: false, host: None, services, value, message, help });
        };
        let Some(said) = said else {
            let host = model.host(&speaker.target);
            let why = answer.unanswered.iter().find(|(question, _)| question.name == asked.name);
            let why = why.map(|(question, failure)| {
                words::Words {
                    host,
                    service: &speaker.target.service.unit,
                    port: speaker.target.port,
                    init: model.cluster.platform.init,
                    others_lead: false,
                    login: speaker.target.status.login.is_some(),
                }
                .failure(question, failure)
                .1
            });
            let why = why.unwrap_or_else(|| format!("what {} on {} says of them cannot be read", submission.service.value, host.name));
            push(
                Code::DocumentsUnanswered,
                None,
                format!("nobody knows which {many} there are: {why}"),
                format!("see the log of {} on {}", submission.service.value, host.name),
            );
            continue;
        };
        for report in &said {
            let key = &report.key;
            match report.state {
                State::Missing => push(
                    Code::DocumentMissing,
                    None,
                    format!("the {one} {key} is not in {}", submission.service.value),
                    "`clusterseed apps SPEC --submit` puts it there; if it was removed on purpose, take it out of the spec".to_string(),
                ),
                State::Different => {
                    for difference in &report.differences {
                        let value = Compared { name: format!("{key} {}", difference.name), ..difference.clone() };
                        let found = difference.found.as_deref().unwrap_or("nothing");
                        push(
                            Code::DocumentDiffers,
                            Some(value),
                            format!("{} of the {one} {key} is {found}, the spec says {}", difference.name, difference.planned),
                            "`clusterseed apps SPEC --submit` makes it what the spec says; or write into the spec what it has become"
                                .to_string(),
                        );
                    }
                }
                State::Same | State::Extra => {}
            }
            if let (Some((running, wanted)), true) = (report.running, report.lacks() && report.state != State::Extra) {
                push(
                    Code::DocumentNotRunning,
                    None,
                    format!("of the {one} {key}, {running} of {wanted} run"),
                    format!(
                        "it may still be starting; if not, {}'s page says whether it waits for resources or fails, and the sandbox of a task why",
                        submission.service.value
                    ),
                );
            }
        }
        reports.extend(said);
    }
    (reports, findings)
}
