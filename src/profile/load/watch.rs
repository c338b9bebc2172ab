//! What a profile says for people: changes that need care, the steps through them, who connects to whom.

use super::{Loader, list};
use crate::diag::At;
use crate::profile::Traffic;
use crate::profile::watch::{Guide, Subject, Watch};
use crate::schema::Value;

impl Loader<'_> {
    pub(super) fn watch(&mut self, value: &Value) -> Option<Watch> {
        let place = value.get("code")?.at;
        Some(Watch {
            code: value.string("code")?,
            subject: self.subject(value, place)?,
            roles: value.texts("roles").into_iter().map(|r| r.value).collect(),
            when: self.expression(value, "when"),
            message: self.template(value, "message")?,
            help: self.template(value, "help")?,
            explain: value.string("explain")?.trim().to_string(),
            guide: value.spanned("guide"),
            place,
        })
    }

    fn subject(&mut self, value: &Value, place: At) -> Option<Subject> {
        let part = match value.spanned("part") {
            None => None,
            Some(pattern) => match regex_lite::Regex::new(&pattern.value) {
                Ok(pattern) => Some(pattern),
                Err(why) => {
                    self.error(
                        pattern.at,
                        format!("this is no pattern: {why}"),
                        "write a regular expression, with a group around what counts",
                    );
                    return None;
                }
            },
        };
        match (value.spanned("role"), value.string("file"), value.string("package")) {
            (Some(role), None, None) if part.is_none() => Some(Subject::Role(role)),
            (None, Some(file), None) => Some(Subject::File(file, part)),
            (None, None, Some(package)) if part.is_none() => Some(Subject::Package(package)),
            _ => {
                self.error(
                    place,
                    "a watch needs one of `role`, `file` and `package`; `part` goes with `file`",
                    "keep the one that it watches",
                );
                None
            }
        }
    }

    pub(super) fn guide(&mut self, name: &str, value: &Value) -> Option<Guide> {
        let template = format!("profiles/{}/guides/{name}.j2", self.name);
        self.template_file(&template, value.at);
        Some(Guide { name: name.to_string(), title: self.template(value, "title")?, template })
    }

    pub(super) fn traffic(&mut self, value: &Value) -> Option<Traffic> {
        Some(Traffic {
            from: value.spanned("from"),
            to: value.spanned("to")?,
            ports: list(value, "ports").filter_map(|v| self.port(v)).collect(),
            doc: value.string("description")?.trim().to_string(),
            when: self.expression(value, "when"),
        })
    }
}
