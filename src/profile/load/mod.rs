//! `profile.yaml`, its parts and its files to a [`Profile`]; every mistake is a diagnostic in the profile's own text.

mod data;
mod parts;
mod references;
mod settings;
mod status;
mod submission;
mod watch;

pub use settings::{json_of, plain_json};

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{At, Diagnostic, Diagnostics, Sources, Spanned, codes};
use crate::profile::catalog::Catalog;
use crate::profile::engine::{Engine, Problem};
use crate::profile::{
    Alternative, Audience, Content, Count, Derived, Directory, File, Formula, Identity, Optional, Peers, PortRef, Profile, Question, Role,
    Rule, Secrecy, Service, Snippet, VersionDefault, looks_at_host, shape,
};
use crate::schema::check::Checker;
use crate::schema::scalar;
use crate::schema::{Data, Type, Value};
use crate::yaml::read::{Kind, Node};

/// Loads the profile `name`. `None` when `diags` holds an error in it.
pub fn load(name: &str, catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Profile> {
    let mut own = Diagnostics::new();
    let whole = shape::profile();
    let profile = parts::read(name, &whole, catalog, sources, &mut own).and_then(|parts::Whole { root, unused }| {
        let mut checker = Checker { diags: &mut own, unknown: codes::UNKNOWN_FIELD, noun: "field" };
        let value = checker.check("", &root, &whole)?;
        Loader { catalog, diags: &mut own, engine: Engine::default(), name: name.to_string(), broken: BTreeSet::new(), unused }
            .profile(&value)
    });
    let failed = own.has_errors();
    diags.append(own);
    profile.filter(|_| !failed)
}

struct Loader<'l> {
    catalog: &'l Catalog,
    diags: &'l mut Diagnostics,
    engine: Engine,
    name: String,
    /// Paths of settings that are there but not sound.
    broken: BTreeSet<String>,
    /// As in [`Profile::unused`].
    unused: Vec<String>,
}

impl Loader<'_> {
    fn profile(mut self, value: &Value) -> Option<Profile> {
        if value.string("profile")? != self.name {
            let at = value.get("profile")?.at;
            self.error(at, format!("the folder is called `{}`", self.name), "give both the same name");
        }
        let mut settings = BTreeMap::new();
        let settings_type = match value.raw("settings") {
            Some(node) => self.settings(node, &Type::Object(shape::setting()), "", &mut settings),
            None => Type::Object(Vec::new()),
        };
        let flag_tables = value.get("flag_tables").map(|tables| self.flag_tables(tables)).unwrap_or_default();
        let mut derived = value.raw("derived").map(|node| self.named(node, &shape::derived(), Self::derived)).unwrap_or_default();
        for at in 0..derived.len() {
            // Those before it are all that it can see.
            let (before, rest) = derived.split_at_mut(at);
            rest[0].looks_at_host = rest[0].each_host && looks_at_host(before, &rest[0].how.names(&self.engine));
        }
        let roles: Vec<Role> = self.named(value.raw("roles")?, &shape::role(), Self::role);
        let mut services: Vec<Service> =
            value.raw("services").map(|node| self.named(node, &shape::service(), Self::service)).unwrap_or_default();
        for service in &mut services {
            let texts = service.environment.iter().map(|(_, text, _)| text).chain(service.after.iter().map(|a| &a.name));
            let names: Vec<String> = texts.flat_map(|text| self.engine.names_of_text(&text.value)).collect();
            service.looks_at_host = looks_at_host(&derived, &names);
        }
        let package_sets: BTreeMap<String, String> = match value.get("package_sets") {
            Some(sets) => sets.entries().filter_map(|(k, _, v)| Some((k.clone(), v.text()?.to_string()))).collect(),
            None => BTreeMap::from([("default".to_string(), "the packages of the roles".to_string())]),
        };
        let default_set = value.string("default_set").or_else(|| package_sets.keys().next().cloned())?;
        let versions = value.get("versions").map(versions).unwrap_or_default();
        let traffic = list(value, "traffic").filter_map(|v| self.traffic(v)).collect();
        let directories = list(value, "directories").filter_map(|v| self.directory(v)).collect();
        let alternatives = list(value, "alternatives").filter_map(|v| self.alternative(v)).collect();
        let mut files: Vec<File> = list(value, "files").filter_map(|v| self.target_file(v)).collect();
        for file in &mut files {
            file.looks_at_host = looks_at_host(&derived, &self.names_of_file(file));
        }
        let sources =
            value.get("sources").map(|s| s.entries().filter_map(|(name, _, v)| self.source(name, v)).collect()).unwrap_or_default();
        let submissions = value.raw("submissions").map(|node| self.named(node, &shape::submission(), Self::submission)).unwrap_or_default();
        let rules = list(value, "rules").filter_map(|v| self.rule(v)).collect();
        let watch = list(value, "watch").filter_map(|v| self.watch(v)).collect();
        let guides = value.raw("guides").map(|node| self.named(node, &shape::guide(), Self::guide)).unwrap_or_default();
        let mut profile = Profile {
            name: self.name.clone(),
            summary: value.string("summary")?.trim().to_string(),
            platforms: value.texts("platforms").into_iter().map(|p| p.value).collect(),
            elsewhere: value.get("elsewhere").map(reasons).unwrap_or_default(),
            settings_type,
            settings,
            derived,
            roles,
            default_set,
            package_sets,
            versions,
            services,
            traffic,
            directories,
            alternatives,
            state: list(value, "state").filter_map(|v| self.state(v)).collect(),
            sweep: value.texts("sweep").into_iter().map(|p| p.value).collect(),
            files,
            sources,
            flag_tables,
            submissions,
            rules,
            watch,
            guides,
            unused: Vec::new(),
            engine: std::mem::take(&mut self.engine),
        };
        self.references(value, &profile);
        profile.unused = std::mem::take(&mut self.unused);
        Some(profile)
    }

    fn error(&mut self, at: At, message: impl Into<String>, help: impl Into<String>) {
        self.diags.push(Diagnostic::error(codes::PROFILE, at, message).help(help));
    }

    fn problem(&mut self, at: At, problem: &Problem) {
        let line = problem.line.filter(|line| *line > 1).map(|line| format!(" (line {line} of it)")).unwrap_or_default();
        self.error(at, format!("{}{line}", problem.message), "profiles/README.md says what expressions and templates may use");
    }

    /// A raw mapping whose order counts: each value against `ty`, then to its type.
    fn named<T>(&mut self, node: &Node, ty: &Type, make: fn(&mut Self, &str, &Value) -> Option<T>) -> Vec<T> {
        let Kind::Map(entries) = &node.kind else {
            self.error(node.at, format!("this must be a mapping, it is {}", node.noun()), "write `name: {…}` lines");
            return Vec::new();
        };
        let mut made = Vec::new();
        for entry in entries {
            let mut checker = Checker { diags: self.diags, unknown: codes::UNKNOWN_FIELD, noun: "field" };
            if let Some(value) = checker.check(&entry.key, &entry.value, ty) {
                made.extend(make(self, &entry.key, &value));
            }
        }
        made
    }

    fn expression(&mut self, value: &Value, key: &str) -> Option<Snippet> {
        let source = value.spanned(key)?;
        if let Err(problem) = self.engine.expression(&source.value).map(drop) {
            self.problem(source.at, &problem);
        }
        Some(source)
    }

    fn template(&mut self, value: &Value, key: &str) -> Option<Snippet> {
        let source = value.spanned(key)?;
        if let Err(problem) = self.engine.add_text(&source.value) {
            self.problem(source.at, &problem);
        }
        Some(source)
    }

    fn derived(&mut self, name: &str, value: &Value) -> Option<Derived> {
        let how = match (value.get("expr"), value.get("text")) {
            (Some(_), None) => Formula::Expr(self.expression(value, "expr")?),
            (None, Some(_)) => Formula::Text(self.template(value, "text")?),
            _ => {
                self.error(
                    value.at,
                    format!("`{name}` needs either `expr` or `text`"),
                    "an expression keeps its type, a text is a template",
                );
                return None;
            }
        };
        Some(Derived { name: name.to_string(), how, each_host: value.get("each").is_some(), looks_at_host: false })
    }

    fn optional(&mut self, value: &Value) -> Option<Optional> {
        match &value.data {
            Data::Text(name) => Some(Optional { name: Spanned::new(name.clone(), value.at), when: None }),
            _ => Some(Optional { name: value.spanned("name")?, when: self.expression(value, "when") }),
        }
    }

    fn optionals(&mut self, value: &Value, key: &str) -> Vec<Optional> {
        list(value, key).filter_map(|v| self.optional(v)).collect()
    }

    fn role(&mut self, name: &str, value: &Value) -> Option<Role> {
        let size = |v: &Value, key: &str| v.int(key).and_then(|n| usize::try_from(n).ok());
        let count = value.get("count");
        let packages = value.get("packages").map(|packages| {
            let sets: Vec<_> = packages.entries().map(|(set, _, v)| (set.clone(), v.clone())).collect();
            sets.into_iter().map(|(set, v)| (set, v.items().iter().filter_map(|v| self.optional(v)).collect())).collect()
        });
        let reason = |key: &str| count.and_then(|c| c.string(key)).unwrap_or_default().trim().to_string();
        Some(Role {
            name: name.to_string(),
            doc: value.string("description")?.trim().to_string(),
            count: Count {
                min: count.and_then(|c| size(c, "min")).unwrap_or(0),
                max: count.and_then(|c| size(c, "max")).unwrap_or(usize::MAX),
                odd: count.and_then(|c| c.bool("odd")).unwrap_or(false),
                reason: reason("reason"),
                max_reason: reason("max_reason"),
            },
            ids: value.get("ids").and_then(|ids| Some((ids.int("min")?, ids.int("max")?))),
            packages: packages.unwrap_or_default(),
            services: self.optionals(value, "services"),
        })
    }

    fn service(&mut self, name: &str, value: &Value) -> Option<Service> {
        let environment = value.get("environment").cloned();
        let environment = environment.iter().flat_map(|e| e.entries().map(|(k, _, v)| (k.clone(), v.clone())).collect::<Vec<_>>());
        let environment = environment.filter_map(|(key, v)| Some((key, self.template(&v, "text")?, self.expression(&v, "when")))).collect();
        let wait = value.get("wait");
        Some(Service {
            name: name.to_string(),
            unit: value.string("unit").unwrap_or_else(|| name.to_string()),
            ports: list(value, "ports").filter_map(|v| self.port(v)).collect(),
            port_ranges: value.texts("port_ranges").into_iter().map(below_settings).collect(),
            wait_ports: wait.map(|w| list(w, "ports").filter_map(|v| self.port(v)).collect()).unwrap_or_default(),
            wait_seconds: wait.and_then(|w| w.int("seconds")).unwrap_or(60),
            environment,
            after: list(value, "after")
                .filter_map(|v| Some(Optional { name: self.template(v, "unit")?, when: self.expression(v, "when") }))
                .collect(),
            peers: value.get("peers").and_then(|v| self.peers(v)),
            identity: value.get("identity").and_then(|v| self.identity(v)),
            status: value.get("status").and_then(|v| self.status(v)),
            looks_at_host: false,
        })
    }

    fn peers(&mut self, value: &Value) -> Option<Peers> {
        Some(Peers {
            role: value.spanned("role")?,
            ports: list(value, "ports").filter_map(|v| self.port(v)).collect(),
            ask: value.get("ask").and_then(|ask| Some(Question { line: ask.string("line")?, answer: ask.string("answer")? })),
            seconds: value.int("seconds").unwrap_or(600),
        })
    }

    fn identity(&mut self, value: &Value) -> Option<Identity> {
        let paths = value.texts("paths");
        for path in &paths {
            if let Err(problem) = self.engine.add_text(&path.value) {
                self.problem(path.at, &problem);
            }
        }
        Some(Identity {
            paths,
            guard: self.template(value, "guard")?,
            allowed: self.expression(value, "allowed")?,
            why: self.template(value, "why")?,
        })
    }

    fn port(&mut self, value: &Value) -> Option<PortRef> {
        match &value.data {
            Data::Int(port) if (1..=65535).contains(port) => u16::try_from(*port).ok().map(PortRef::Fixed),
            Data::Text(path) => Some(PortRef::Setting(below_settings(Spanned::new(path.clone(), value.at)))),
            _ => {
                self.error(value.at, "this is no port", "write settings.PATH, or a number from 1 to 65535");
                None
            }
        }
    }

    fn audience(&mut self, value: &Value) -> Audience {
        Audience { roles: value.texts("roles").into_iter().map(|r| r.value).collect(), when: self.expression(value, "when") }
    }

    fn directory(&mut self, value: &Value) -> Option<Directory> {
        Some(Directory {
            path: self.template(value, "path")?,
            mode: mode(value).unwrap_or(0o755),
            owner: value.string("owner").unwrap_or_else(|| "root".into()),
            group: value.string("group").unwrap_or_else(|| "root".into()),
            audience: self.audience(value),
        })
    }

    fn alternative(&mut self, value: &Value) -> Option<Alternative> {
        Some(Alternative {
            name: value.string("name")?,
            link: value.string("link")?,
            path: value.string("path")?,
            priority: value.int("priority")?,
            audience: self.audience(value),
        })
    }

    fn target_file(&mut self, value: &Value) -> Option<File> {
        let path = self.template(value, "path")?;
        let secret = match value.get("secret").map(|v| (&v.data, v.at)) {
            None => Secrecy::Fixed(false),
            Some((Data::Bool(flag), _)) => Secrecy::Fixed(*flag),
            Some(_) => Secrecy::When(self.expression(value, "secret")?),
        };
        let content = match value.get("content") {
            Some(inline) => {
                let name = format!("content at byte {} of file {}", inline.at.start, inline.at.file.0);
                self.compile(&name, inline.text()?, inline.at);
                Content::Template(name)
            }
            None => self.tree_file(&path)?,
        };
        let default_mode = if matches!(secret, Secrecy::Fixed(true)) { 0o600 } else { 0o644 };
        Some(File {
            content,
            each: self.expression(value, "each"),
            mode: mode(value).unwrap_or(default_mode),
            owner: value.string("owner").unwrap_or_else(|| "root".into()),
            group: value.string("group").unwrap_or_else(|| "root".into()),
            secret,
            restarts: value.texts("restarts").into_iter().map(|r| r.value).collect(),
            audience: self.audience(value),
            path,
            looks_at_host: false,
        })
    }

    fn names_of_file(&self, file: &File) -> Vec<String> {
        let mut names = self.engine.names_of_text(&file.path.value);
        let secret = match &file.secret {
            Secrecy::When(source) => Some(source),
            Secrecy::Fixed(_) => None,
        };
        for expression in [&file.each, &file.audience.when].into_iter().flatten().chain(secret) {
            names.extend(self.engine.names_of_expression(&expression.value));
        }
        if let Content::Template(name) = &file.content {
            names.extend(self.engine.names_of_template(name));
        }
        names
    }

    fn tree_file(&mut self, path: &Snippet) -> Option<Content> {
        let key = format!("profiles/{}/files{}", self.name, path.value);
        if self.catalog.get(&key).is_some() {
            return Some(Content::Verbatim(key));
        }
        let template = format!("{key}.j2");
        if self.catalog.get(&template).is_none() {
            self.error(path.at, format!("there is no `files{0}` and no `files{0}.j2`", path.value), "add the file, or `content:` here");
            return None;
        }
        self.template_file(&template, path.at);
        Some(Content::Template(template))
    }

    /// Compiles a template of the catalog under its path there.
    fn template_file(&mut self, key: &str, at: At) {
        let shown = key.trim_start_matches("profiles/").split_once('/').map_or(key, |(_, path)| path).to_string();
        let Some(entry) = self.catalog.get(key) else {
            return self.error(at, format!("there is no `{shown}`"), "add the file");
        };
        match std::str::from_utf8(&entry.bytes) {
            Ok(text) => {
                if let Err(problem) = self.engine.add(key, text) {
                    let line = problem.line.map(|line| format!(", line {line}")).unwrap_or_default();
                    let message = format!("`{shown}`{line}: {}", problem.message);
                    self.error(at, message, "profiles/README.md says what expressions and templates may use");
                }
            }
            Err(_) => self.error(at, "the template is not UTF-8", "save it as UTF-8"),
        }
    }

    fn compile(&mut self, name: &str, source: &str, at: At) {
        if let Err(problem) = self.engine.add(name, source) {
            self.problem(at, &problem);
        }
    }

    fn rule(&mut self, value: &Value) -> Option<Rule> {
        let (finds, each_host) = (value.get("find").is_some(), value.get("each").is_some());
        let place = value.get("code")?.at;
        if finds && value.get("at").is_some() {
            self.error(place, "`find` gives the places itself", "leave `at` away");
        } else if !finds && (value.get("when").is_none() || value.get("at").is_none()) {
            self.error(place, "a rule needs `when` and `at`, or `find`", "`when` is the condition, `at` the place; `find` finds both");
        }
        Some(Rule {
            code: value.string("code")?,
            warning: value.string("severity")? == "warning",
            each_host,
            roles: value.texts("roles").into_iter().map(|r| r.value).collect(),
            when: self.expression(value, "when"),
            find: self.template(value, "find"),
            at: self.template(value, "at"),
            message: self.template(value, "message")?,
            help: self.template(value, "help")?,
            explain: value.string("explain")?.trim().to_string(),
            place,
        })
    }
}

fn list<'v>(value: &'v Value, key: &str) -> std::slice::Iter<'v, Value> {
    value.get(key).map(Value::items).unwrap_or_default().iter()
}

fn mode(value: &Value) -> Option<u32> {
    scalar::mode(&value.string("mode")?).ok()
}

fn below_settings(path: Spanned<String>) -> Spanned<String> {
    Spanned::new(path.value.trim_start_matches("settings.").to_string(), path.at)
}

fn versions(value: &Value) -> BTreeMap<String, VersionDefault> {
    let entry = |(name, _, v): (&String, &At, &Value)| {
        let doc = v.string("description").unwrap_or_default().trim().to_string();
        (name.clone(), VersionDefault { default: v.string("default"), doc })
    };
    value.entries().map(entry).collect()
}

/// Texts by key, on one line each.
fn reasons(value: &Value) -> BTreeMap<String, String> {
    value.entries().filter_map(|(name, _, why)| Some((name.clone(), why.text()?.trim().to_string()))).collect()
}
