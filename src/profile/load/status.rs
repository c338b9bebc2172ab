//! The part of a service that says how it is asked when it runs.

use super::{Loader, list};
use crate::profile::Formula;
use crate::profile::status::{Expectation, Pool, Protocol, Question, Registration, Status};
use crate::schema::{Data, Value};

/// Names that an expression of `status` may look at, besides those that files see.
const NAMES: &[&str] =
    &["answers", "redirects", "part", "item", "cluster", "platform", "network", "roles", "packages", "settings", "derived", "host"];

impl Loader<'_> {
    pub(super) fn status(&mut self, value: &Value) -> Option<Status> {
        let word = value.string("protocol")?;
        let protocol = Protocol::ALL.iter().find(|(known, _)| *known == word)?.1;
        let ask = value.get("ask")?;
        let questions: Vec<_> = ask.entries().map(|(name, _, v)| (name.clone(), v.clone())).collect();
        let pool: Vec<_> = value.get("pool").into_iter().flat_map(Value::entries).map(|(name, _, v)| (name.clone(), v.clone())).collect();
        let status = Status {
            protocol,
            port: self.port(value.get("port")?)?,
            ask: questions.into_iter().map(|(name, v)| self.question(protocol, name, &v)).collect(),
            login: self.expression(value, "login"),
            part: self.expression(value, "part"),
            parts: self.expression(value, "parts"),
            leads: value.bool("leads").unwrap_or(false),
            follows: self.expression(value, "follows"),
            version: value.get("version").and_then(|v| Some((self.expression(v, "found")?, v.spanned("package")))),
            expect: list(value, "expect").filter_map(|v| self.expectation(v)).collect(),
            registered: list(value, "registered").filter_map(|v| self.registration(v)).collect(),
            pool: pool
                .into_iter()
                .filter_map(|(name, v)| {
                    let (total, used) = (self.expression(&v, "total")?, self.expression(&v, "used"));
                    Some(Pool { name, total, used, unit: v.string("unit") })
                })
                .collect(),
        };
        if status.ask.iter().all(|question| question.optional) {
            self.error(
                ask.at,
                "every question may be left unanswered",
                "leave `optional` away where an answer shows that the service serves",
            );
        }
        self.names_are_known(&status);
        Some(status)
    }

    fn question(&mut self, protocol: Protocol, name: String, value: &Value) -> Question {
        let ways = value.texts("try");
        for way in &ways {
            let printable = way.value.bytes().all(|b| b.is_ascii_graphic());
            let fits = match protocol {
                Protocol::Zookeeper => way.value.len() == 4 && way.value.bytes().all(|b| b.is_ascii_lowercase()),
                Protocol::HttpJson => way.value.starts_with('/') && printable,
            };
            if !fits {
                let help = match protocol {
                    Protocol::Zookeeper => "write one of ZooKeeper's four-letter words, such as `mntr`",
                    Protocol::HttpJson => "write a path such as `/metrics/snapshot`, without spaces",
                };
                self.error(way.at, format!("`{}` cannot be asked", way.value), help);
            }
        }
        Question {
            name,
            ways: ways.into_iter().map(|way| way.value).collect(),
            own: value.bool("own").unwrap_or(false),
            optional: value.bool("optional").unwrap_or(false),
            text: value.bool("text").unwrap_or(false),
        }
    }

    fn expectation(&mut self, value: &Value) -> Option<Expectation> {
        Some(Expectation {
            name: value.string("name")?,
            found: self.formula(value, "found")?,
            wanted: self.formula(value, "wanted")?,
            when: self.expression(value, "when"),
            help: self.template(value, "help")?,
        })
    }

    /// An expression, or `{text: TEMPLATE}`.
    fn formula(&mut self, value: &Value, key: &str) -> Option<Formula> {
        match &value.get(key)?.data {
            Data::Text(_) => self.expression(value, key).map(Formula::Expr),
            _ => self.template(value.get(key)?, "text").map(Formula::Text),
        }
    }

    fn registration(&mut self, value: &Value) -> Option<Registration> {
        Some(Registration {
            service: value.spanned("service")?,
            one: value.bool("one").unwrap_or(false),
            items: self.expression(value, "items")?,
            name: self.expression(value, "name")?,
            address: self.expression(value, "address")?,
            active: self.expression(value, "active"),
            wanted: self.expression(value, "wanted")?,
            when: self.expression(value, "when"),
        })
    }

    /// What an answer lacks is no mistake, so a misspelled name would never show later.
    fn names_are_known(&mut self, status: &Status) {
        let known = |name: &String| {
            let mut parts = name.split('.');
            let first = parts.next().unwrap_or_default();
            let asked = parts.next().filter(|_| matches!(first, "answers" | "redirects"));
            NAMES.contains(&first) && asked.is_none_or(|asked| status.ask.iter().any(|question| question.name == asked))
        };
        let mut used: Vec<_> = status.expressions().map(|source| (source.at, self.engine.names_of_expression(&source.value))).collect();
        for formula in status.expect.iter().flat_map(|e| [&e.found, &e.wanted]) {
            let (Formula::Expr(source) | Formula::Text(source)) = formula;
            used.push((source.at, formula.names(&self.engine)));
        }
        for (at, names) in used {
            if let Some(unknown) = names.iter().find(|name| !known(name)) {
                self.error(
                    at,
                    format!("`{unknown}` is not defined here"),
                    "see `status` in profiles/README.md; `answers` holds what `ask` names",
                );
            }
        }
    }
}
