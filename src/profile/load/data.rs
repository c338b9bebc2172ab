//! What a profile takes from data files beside it: keys of repositories, tables of flags; and what its services leave behind.

use std::collections::BTreeMap;

use super::Loader;
use crate::diag::Spanned;
use crate::profile::{AptSource, State, flags};
use crate::schema::Value;

impl Loader<'_> {
    pub(super) fn source(&mut self, name: &str, value: &Value) -> Option<AptSource> {
        let key = value.get("key")?;
        let key_file = key.spanned("file")?;
        let path = catalog_path(&self.name, &key_file.value);
        if self.catalog.get(&path).is_none() {
            self.error(key_file.at, format!("there is no `{path}`"), "add the armored key");
        }
        Some(AptSource {
            name: name.to_string(),
            official: self.template(value, "official")?,
            suite: self.template(value, "suite")?,
            components: value.texts("components").into_iter().map(|c| c.value).collect(),
            key_file: Spanned::new(path, key_file.at),
            fingerprint: key.string("fingerprint")?.replace(' ', "").to_uppercase(),
            file: value.string("file")?,
        })
    }

    pub(super) fn state(&mut self, value: &Value) -> Option<State> {
        let why = value.string("why")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(State { path: self.template(value, "path")?, why, audience: self.audience(value) })
    }

    pub(super) fn flag_tables(&mut self, tables: &Value) -> BTreeMap<String, flags::Table> {
        let tables: Vec<_> = tables.entries().map(|(name, _, v)| (name.clone(), v.clone())).collect();
        tables.into_iter().filter_map(|(name, value)| Some((name, self.flag_table(&value)?))).collect()
    }

    fn flag_table(&mut self, value: &Value) -> Option<flags::Table> {
        let file = value.spanned("file")?;
        let path = catalog_path(&self.name, &file.value);
        let columns = value.get("columns")?;
        let columns = flags::Columns {
            flag: columns.string("flag")?,
            first: columns.string("first")?,
            last: columns.string("last")?,
            alias: columns.string("alias"),
            kind: columns.string("kind"),
        };
        let pairs = |key: &str| -> Vec<(String, String)> {
            let map = value.get(key).map(|v| v.entries().filter_map(|(k, _, v)| Some((k.clone(), v.text()?.to_string()))).collect());
            map.unwrap_or_default()
        };
        let Some(entry) = self.catalog.get(&path) else {
            self.error(file.at, format!("there is no `{path}`"), "add the table, or mend its name");
            return None;
        };
        let text = std::str::from_utf8(&entry.bytes).map_err(|_| format!("`{path}` is not UTF-8"));
        let (rows, newest) = match text.and_then(|text| flags::rows(text, &columns, &pairs("where"))) {
            Ok(rows) => rows,
            Err(why) => {
                self.error(file.at, why, "the first line of a table names its columns");
                return None;
            }
        };
        let form = |key: &str| {
            let form = value.get(key)?;
            Some(flags::FlagFile { file: form.string("file")?, content: form.string("content")? })
        };
        Some(flags::Table {
            flags: rows,
            newest,
            version: value.string("version")?,
            command: value.string("command")?,
            value: form("value")?,
            on: form("on"),
            off: form("off"),
            durations: value.texts("durations").into_iter().map(|d| d.value).collect(),
            reserved: pairs("reserved").into_iter().collect(),
        })
    }
}

/// `vendor/…` is shared, all else belongs to the profile.
fn catalog_path(profile: &str, path: &str) -> String {
    if path.starts_with("vendor/") { path.to_string() } else { format!("profiles/{profile}/{path}") }
}
