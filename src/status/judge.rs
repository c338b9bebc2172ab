//! Answers to a report: each service on its host first, then the whole.

use std::collections::{HashMap, HashSet};

use minijinja::Value as Jinja;

use super::ask::{Model, Target};
use super::value::{self, clean};
use super::{Answers, Code, Compared, Failure, Finding, HostReport, Instance, Report, documents, whole, words};

/// The part of the one that leads.
pub const LEADER: &str = "leader";

/// What a service on a host said, as far as it did.
pub struct Seen<'a> {
    /// Which.
    pub target: Target<'a>,
    /// Why not, where it did not answer what it must.
    pub failure: Option<&'a Failure>,
    /// What expressions see of it.
    pub scope: Jinja,
    /// Its part in the whole.
    pub part: Option<String>,
    /// Whom it takes for the leader, as it says.
    pub follows: Option<String>,
    /// Its version, as it says.
    pub version: Option<String>,
    /// Whether it is registered where it should be.
    pub registered: Option<bool>,
}

impl Seen<'_> {
    /// True when it answered and says that it leads.
    pub fn leads(&self) -> bool {
        self.part.as_deref() == Some(LEADER)
    }
}

/// Compares the answers, in the order of the targets, with the plan.
pub fn judge(model: &Model<'_>, answers: &[Answers]) -> Report {
    let mut seen: Vec<Seen<'_>> = model.targets.iter().zip(answers).map(|(target, answers)| look(model, *target, answers)).collect();
    let mut findings = whole::judge(model, &mut seen);
    let (documents, about) = documents::judge(model, &seen, answers);
    findings.extend(about);
    let mut by_host: Vec<Vec<usize>> = vec![Vec::new(); model.cluster.hosts.len()];
    seen.iter().enumerate().for_each(|(at, seen)| by_host[seen.target.host].push(at));
    let led: HashSet<&str> = seen.iter().filter(|seen| seen.leads()).map(|seen| seen.target.service.name.as_str()).collect();
    for (index, host) in model.cluster.hosts.iter().enumerate() {
        let own = &by_host[index];
        let name = |at: &usize| seen[*at].target.service.name.as_str();
        let lost = |at: &usize| matches!(seen[*at].failure, Some(Failure::Unreachable(_)));
        if let (Some(Failure::Unreachable(why)), true) = (own.first().and_then(|at| seen[*at].failure), own.iter().all(lost)) {
            findings.push(words::unreachable(host, own.iter().map(name), why));
            continue;
        }
        let refused: Vec<&usize> = own.iter().filter(|at| seen[**at].failure == Some(&Failure::Refused)).collect();
        if refused.len() > 1 {
            findings.push(words::refused(host, refused.iter().map(|at| name(at))));
        }
        for at in own.iter().filter(|at| refused.len() < 2 || !refused.contains(at)) {
            one(model, &seen[*at], &answers[*at], led.contains(name(at)), &mut findings);
        }
    }
    let silent = !seen.is_empty() && seen.iter().all(|seen| matches!(seen.failure, Some(Failure::Unreachable(_))));
    let instance = |seen: &Seen<'_>| Instance {
        service: seen.target.service.name.clone(),
        port: seen.target.port,
        answered: seen.failure.is_none(),
        part: seen.part.as_deref().map(clean),
        version: seen.version.as_deref().map(|version| clean(value::release(version))),
        registered: seen.registered,
    };
    let hosts = model.cluster.hosts.iter().enumerate().map(|(index, host)| HostReport {
        name: host.name.clone(),
        address: host.address,
        roles: host.roles.clone(),
        services: by_host[index].iter().map(|at| instance(&seen[*at])).collect(),
    });
    let (services, pool) = (whole::services(model, &seen), whole::pool(model, &seen));
    Report { hosts: hosts.collect(), services, pool, documents, findings, silent, index: HashMap::new() }.indexed()
}

/// Reads what the answers mean.
fn look<'a>(model: &Model<'a>, target: Target<'a>, answers: &'a Answers) -> Seen<'a> {
    let failure = answers.failure.as_ref().map(|(_, failure)| failure);
    let asked = |name: &String| answers.values.get(name).map_or_else(|| Jinja::from(()), Jinja::from_serialize);
    let led = |name: &String| answers.redirects.get(name).map_or_else(|| Jinja::from(()), |host| Jinja::from(host.as_str()));
    // Every question has a value, if only none: an answer that is missing is no mistake of the profile.
    let names = || target.status.ask.iter().map(|question| &question.name);
    let values: Jinja = names().map(|name| (name.clone(), asked(name))).collect();
    let redirects: Jinja = names().map(|name| (name.clone(), led(name))).collect();
    let engine = &model.cluster.profile.engine;
    let mut more = vec![("answers", values), ("redirects", redirects)];
    let mut scope = value::scope(&model.scopes[target.host], more.clone());
    let part = target.status.part.as_ref().filter(|_| failure.is_none()).and_then(|part| value::text(engine, part, &scope));
    more.push(("part", part.as_deref().map_or_else(|| Jinja::from(()), Jinja::from)));
    scope = value::scope(&model.scopes[target.host], more);
    let text = |source: Option<&_>| source.filter(|_| failure.is_none()).and_then(|source| value::text(engine, source, &scope));
    let (follows, version) = (text(target.status.follows.as_ref()), text(target.status.version.as_ref().map(|(found, _)| found)));
    Seen { target, failure, part, follows, version, registered: None, scope }
}

/// What a service on a host says of itself.
fn one(model: &Model<'_>, seen: &Seen<'_>, answers: &Answers, others_lead: bool, findings: &mut Vec<Finding>) {
    let (host, status, service) = (model.host(&seen.target), seen.target.status, seen.target.service);
    let init = model.cluster.platform.init;
    let login = status.login.as_ref().is_some_and(|login| value::eval(&model.cluster.profile.engine, login, &seen.scope).is_some());
    let words = words::Words { host, service: &service.unit, port: seen.target.port, init, others_lead, login };
    let mut push = |code: Code, value: Option<Compared>, message: String, help: String| {
        let (host, services) = (Some(host.name.clone()), vec![service.name.clone()]);
        findings.push(Finding { code, note: code == Code::NotAllowed && answers.failure.is_none(), host, services, value, message, help });
    };
    if let Some((question, failure)) = &answers.failure {
        let (code, message, help) = words.failure(question, failure);
        return push(code, None, message, help);
    }
    let forbidden = answers.unanswered.iter().filter(|(_, failure)| *failure == Failure::Forbidden);
    let forbidden: Vec<String> = forbidden.flat_map(|(question, _)| question.ways.clone()).collect();
    if !forbidden.is_empty() {
        let (message, help) = words.forbidden(&forbidden);
        push(Code::NotAllowed, None, message, help);
    }
    let engine = &model.cluster.profile.engine;
    let parts: Option<Vec<String>> = status.parts.as_ref().and_then(|parts| {
        let list = value::eval(engine, parts, &seen.scope)?;
        Some(list.try_iter().ok()?.map(|part| part.to_string()).collect())
    });
    if let (Some(part), Some(parts)) = (&seen.part, parts.filter(|parts| seen.part.as_ref().is_none_or(|part| !parts.contains(part)))) {
        let (message, help) = words.part(&clean(part), &parts);
        let compared = Compared { name: "part".into(), found: Some(clean(part)), planned: parts.join(" or ") };
        push(Code::OtherPart, Some(compared), message, help);
    }
    for expected in status.expect.iter().filter(|expected| value::holds(engine, expected.when.as_ref(), &seen.scope)) {
        let Some(wanted) = value::formula(engine, &expected.wanted, &seen.scope) else { continue };
        let (wanted, found) = (value::masked(&wanted), value::formula(engine, &expected.found, &seen.scope));
        let found = found.map(|found| value::masked(&found));
        if found.as_ref().is_some_and(|found| value::same(found, &wanted)) {
            continue;
        }
        let help = engine.render_text(&expected.help.value, &seen.scope).unwrap_or_else(|_| expected.help.value.clone());
        let compared = Compared { name: expected.name.clone(), found: found.as_deref().map(clean), planned: clean(&wanted) };
        push(Code::OtherValue, Some(compared.clone()), words.value(&compared), words::line(&help));
    }
    let package = status.version.as_ref().and_then(|(_, package)| package.as_ref());
    let pin = package.and_then(|package| Some((package, model.cluster.packages.versions.get(&package.value)?.version.as_ref()?)));
    if let (Some((package, pin)), Some(found)) = (pin, &seen.version)
        && !value::allows(pin, found)
    {
        let (message, help) = words.version(&clean(value::release(found)), &package.value, pin);
        let compared = Compared { name: "version".into(), found: Some(clean(value::release(found))), planned: pin.clone() };
        push(Code::OtherVersion, Some(compared), message, help);
    }
}
