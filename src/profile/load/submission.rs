//! The part of a profile that says which documents a running service is given.

use super::{Loader, plain_json};
use crate::profile::submission::{Leader, List, Submission};
use crate::schema::Value;

impl Loader<'_> {
    pub(super) fn submission(&mut self, name: &str, value: &Value) -> Option<Submission> {
        let nouns = value.texts("nouns");
        let [one, many] = &nouns[..] else {
            self.error(value.at, "`nouns` is not a list of two words", "write `nouns: [app, apps]`");
            return None;
        };
        let leader = value.get("leader")?;
        let list = value.get("list")?;
        let mut documents = value.spanned("documents")?;
        documents.value = documents.value.trim_start_matches("settings.").to_string();
        for path in [leader.spanned("path"), list.spanned("path"), value.spanned("busy")].into_iter().flatten() {
            if !path.value.starts_with('/') || !path.value.bytes().all(|b| b.is_ascii_graphic()) {
                self.error(path.at, format!("`{}` cannot be asked", path.value), "write a path such as `/v2/info`, without spaces");
            }
        }
        let running = match (self.expression(list, "running"), self.expression(list, "wanted")) {
            (Some(running), Some(wanted)) => Some((running, wanted)),
            _ => None,
        };
        Some(Submission {
            name: name.to_string(),
            nouns: (one.value.clone(), many.value.clone()),
            documents,
            key: self.template(value, "key")?,
            service: value.spanned("service")?,
            path: self.template(value, "path")?,
            there: self.template(value, "there")?,
            file: self.template(value, "file")?,
            login: self.template(value, "login"),
            leader: Leader {
                path: leader.string("path")?,
                leads: self.template(leader, "leads")?,
                ready: self.template(leader, "ready"),
                waits: leader.string("waits").unwrap_or_else(|| "it is not ready yet".into()),
            },
            seconds: value.int("seconds").unwrap_or(600),
            list: List { path: list.string("path")?, items: self.expression(list, "items")?, key: self.expression(list, "key")?, running },
            busy: value.string("busy"),
            force: value.string("force"),
            chosen: value.get("chosen").into_iter().flat_map(Value::entries).map(|(key, _, v)| (key.clone(), plain_json(v))).collect(),
            paths: value.texts("paths").into_iter().map(|p| p.value).collect(),
        })
    }
}
