//! The shape of `profile.yaml` and of its parts; `profiles/README.md` says what each field means.

mod submission;

use crate::schema::scalar::Syntax;
use crate::schema::{Field, Text, Type};
pub use submission::submission;

/// The version of the format that this program reads.
pub const FORMAT: i64 = 1;

fn text() -> Type {
    Type::Text(Text { max: 1 << 16, multiline: true, ..Text::default() })
}

fn word() -> Type {
    Type::pattern("[a-z][a-z0-9_-]*", "lower-case letters, digits, `_` and `-`")
}

fn map(values: Type) -> Type {
    Type::Map { keys: None, values: Box::new(values) }
}

fn unix() -> Type {
    Type::pattern("[a-z_][a-z0-9_-]{0,30}", "a user or group name")
}

/// Fields of `profile.yaml` that no part may hold.
pub const ENTRY_FIELDS: &[&str] = &["profile", "format", "parts"];

/// Names of the other files of a profile.
pub fn parts() -> Type {
    Type::list(Type::text())
}

/// What may stand in a part of a profile.
pub fn part() -> Type {
    let Type::Object(mut fields) = profile() else { return profile() };
    fields.retain(|field| !ENTRY_FIELDS.contains(&&*field.name));
    fields.iter_mut().for_each(|field| field.required = false);
    Type::Object(fields)
}

/// The whole profile: one file, or that and its parts together.
pub fn profile() -> Type {
    Type::Object(vec![
        Field::new("profile", word(), "the folder's name").required(),
        Field::new("format", Type::Int { min: FORMAT, max: FORMAT }, "version of this format, 1").required(),
        Field::new("parts", parts(), "files that hold the rest of it"),
        Field::new("summary", text(), "one line for people").required(),
        Field::new("platforms", Type::list(Type::text()), "platforms where it is sound").required(),
        Field::new("elsewhere", map(text()), "why it is not on others, by platform"),
        Field::new("settings", Type::Raw, "tree of typed settings"),
        Field::new("derived", Type::Raw, "named values, in order"),
        Field::new("roles", Type::Raw, "roles, in order").required(),
        Field::new("default_set", word(), "package set that holds when the spec is silent"),
        Field::new("package_sets", map(text()), "package sets and what they mean"),
        Field::new("versions", map(Type::Object(versions())), "packages whose version the spec may set"),
        Field::new("services", Type::Raw, "services that the packages bring"),
        Field::new("traffic", Type::list(Type::Object(traffic())), "who connects to whom"),
        Field::new("directories", Type::list(Type::Object(directory())), "directories to make"),
        Field::new("alternatives", Type::list(Type::Object(alternative())), "folders under update-alternatives"),
        Field::new("sweep", Type::list(Type::Scalar(Syntax::Path)), "folders in which leftovers would be read"),
        Field::new("state", Type::list(Type::Object(state())), "what services leave behind and no image may hold"),
        Field::new("files", Type::list(Type::Object(file())), "files of the target"),
        Field::new("sources", map(Type::Object(source())), "apt repositories"),
        Field::new("flag_tables", map(Type::Object(flag_table())), "tables of daemon flags"),
        Field::new("submissions", Type::Raw, "documents that a running service is given"),
        Field::new("rules", Type::list(Type::Object(rule())), "rules over the cluster"),
        Field::new("watch", Type::list(Type::Object(watch())), "changes that need care"),
        Field::new("guides", Type::Raw, "steps that lead through them, in order"),
    ])
}

/// A setting, that is a node of the settings tree that has a `type`.
pub fn setting() -> Vec<Field> {
    vec![
        Field::new("type", Type::Choice(TYPES.iter().map(|t| (*t).to_string()).collect()), "type").required(),
        Field::new("default", Type::Raw, "value when nobody sets it"),
        Field::new("required", Type::Bool, "the user must set it"),
        Field::new("scope", Type::Choice(["cluster", "role", "host"].map(String::from).to_vec()), "who may set it"),
        Field::new("description", text(), "one line for people").required(),
        Field::new("pattern", Type::text(), "the whole text must match"),
        Field::new("max_length", Type::Int { min: 1, max: 1 << 20 }, "most characters"),
        Field::new("multiline", Type::Bool, "line breaks are allowed"),
        Field::new("min", Type::Number { min: f64::MIN, max: f64::MAX }, "least"),
        Field::new("max", Type::Number { min: f64::MIN, max: f64::MAX }, "greatest"),
        Field::new("choices", Type::list(Type::text()), "the words"),
        Field::new("items", Type::Raw, "type of the items"),
        Field::new("keys", Type::text(), "pattern of the keys"),
        Field::new("values", Type::Raw, "type of the values"),
        Field::new("table", word(), "table of flags"),
        Field::new("empty", Type::Bool, "text may be empty"),
        Field::new("fields", Type::Raw, "type of each key"),
        Field::new("file", Type::Bool, "it may lie in a file, as `{file: path}`"),
    ]
}

/// Words that `type` may be.
pub const TYPES: &[&str] = &[
    "address",
    "bool",
    "choice",
    "duration",
    "flags",
    "int",
    "list",
    "map",
    "memory",
    "number",
    "object",
    "path",
    "port",
    "port_range",
    "secret",
    "string",
    "url",
    "version",
];

/// A derived value.
pub fn derived() -> Type {
    Type::Object(vec![
        Field::new("expr", text(), "an expression"),
        Field::new("text", text(), "a template"),
        Field::new("each", Type::Choice(vec!["host".into()]), "once per host"),
    ])
}

fn optional() -> Type {
    let long = vec![Field::new("name", Type::text(), "the name").required(), Field::new("when", text(), "condition")];
    Type::ShortOr(Box::new(Type::text()), Box::new(Type::Object(long)))
}

/// A role.
pub fn role() -> Type {
    let limit = |max| Type::Int { min: 0, max };
    let count = vec![
        Field::new("min", limit(1_000_000), "least"),
        Field::new("max", limit(1_000_000), "most"),
        Field::new("odd", Type::Bool, "must be odd"),
        Field::new("reason", text(), "why not fewer, and why odd"),
        Field::new("max_reason", text(), "why not more"),
    ];
    let ids = vec![
        Field::new("min", limit(i64::from(u32::MAX)), "least").required(),
        Field::new("max", limit(i64::from(u32::MAX)), "greatest").required(),
    ];
    Type::Object(vec![
        Field::new("description", text(), "one line for people").required(),
        Field::new("count", Type::Object(count), "how many hosts may have it"),
        Field::new("ids", Type::Object(ids), "range of ids"),
        Field::new("packages", map(Type::list(optional())), "packages by package set"),
        Field::new("services", Type::list(optional()), "services in start order"),
    ])
}

fn versions() -> Vec<Field> {
    vec![
        Field::new("default", Type::Scalar(Syntax::Version), "version when the spec is silent"),
        Field::new("description", text(), "one line for people").required(),
    ]
}

fn port() -> Type {
    Type::AnyScalar
}

/// A service.
pub fn service() -> Type {
    let wait = vec![
        Field::new("ports", Type::list(port()), "ports that must listen"),
        Field::new("seconds", Type::Int { min: 1, max: 3600 }, "how long to wait"),
    ];
    let after = vec![Field::new("unit", text(), "job or unit, a template").required(), Field::new("when", text(), "condition")];
    let variable = vec![Field::new("text", text(), "template").required(), Field::new("when", text(), "condition")];
    let ask = vec![
        Field::new("line", Type::text(), "line to send to the first port").required(),
        Field::new("answer", Type::text(), "pattern of grep -E that a line of the answer matches when the service serves").required(),
    ];
    let peers = vec![
        Field::new("role", word(), "role of the hosts that run it too").required(),
        Field::new("ports", Type::list(port()), "ports by which one is seen to be there").required(),
        Field::new("ask", Type::Object(ask), "what one that only listens does not say yet"),
        Field::new("seconds", Type::Int { min: 0, max: 86_400 }, "how long to wait for all of them, the first time"),
    ];
    let identity = vec![
        Field::new("paths", Type::list(text()), "files that say who the service is, templates; with `/` at the end all below").required(),
        Field::new("guard", text(), "what a service that has run leaves behind, a template").required(),
        Field::new("allowed", text(), "condition under which the guard may be removed").required(),
        Field::new("why", text(), "why not, otherwise; a template").required(),
    ];
    Type::Object(vec![
        Field::new("unit", Type::text(), "job or unit name"),
        Field::new("ports", Type::list(port()), "ports that it listens on"),
        Field::new("port_ranges", Type::list(Type::text()), "settings with ranges of ports that it hands out"),
        Field::new("wait", Type::Object(wait), "what must be there before the next service starts"),
        Field::new("environment", map(Type::Object(variable)), "variables given through the init system"),
        Field::new("after", Type::list(Type::Object(after)), "foreign units that must run first"),
        Field::new("peers", Type::Object(peers), "the same service elsewhere"),
        Field::new("identity", Type::Object(identity), "what it refuses to change once it has run"),
        Field::new("status", status(), "how it is asked what it is"),
    ])
}

/// How a running service is asked.
fn status() -> Type {
    let question = vec![
        Field::new("try", Type::list(Type::text()), "words or paths; the first that the service knows is taken").required(),
        Field::new("own", Type::Bool, "what another host answers for it does not count"),
        Field::new("optional", Type::Bool, "it may be left unanswered"),
        Field::new("text", Type::Bool, "the answer is text"),
    ];
    let formula = || Type::ShortOr(Box::new(text()), Box::new(Type::Object(vec![Field::new("text", text(), "a template").required()])));
    let expect = vec![
        Field::new("name", Type::text(), "what it is called").required(),
        Field::new("found", formula(), "as the service says").required(),
        Field::new("wanted", formula(), "as it is planned").required(),
        Field::new("when", text(), "condition"),
        Field::new("help", text(), "what to do where both differ, a template").required(),
    ];
    let registered = vec![
        Field::new("service", word(), "whose hosts must be registered").required(),
        Field::new("one", Type::Bool, "one of them at a time, not each"),
        Field::new("items", text(), "the list, an expression").required(),
        Field::new("name", text(), "the name that `item` goes by").required(),
        Field::new("address", text(), "the address that `item` is reached at").required(),
        Field::new("active", text(), "whether `item` is connected"),
        Field::new("wanted", text(), "the name that a host of the service should go by").required(),
        Field::new("when", text(), "condition"),
    ];
    let version = vec![
        Field::new("found", text(), "as the service says").required(),
        Field::new("package", Type::text(), "key of `versions` that it must agree with"),
    ];
    let pool = vec![
        Field::new("total", text(), "how much").required(),
        Field::new("used", text(), "how much is taken"),
        Field::new("unit", Type::text(), "unit of both"),
    ];
    let protocols = super::status::Protocol::ALL.iter().map(|(word, _)| (*word).to_string()).collect();
    Type::Object(vec![
        Field::new("protocol", Type::Choice(protocols), "what it speaks").required(),
        Field::new("port", port(), "where it answers").required(),
        Field::new("ask", map(Type::Object(question)), "what it is asked, by name").required(),
        Field::new("login", text(), "`user:password` or none"),
        Field::new("part", text(), "its part in the whole"),
        Field::new("parts", text(), "the parts that are as planned, a list"),
        Field::new("leads", Type::Bool, "exactly one must have the part `leader`"),
        Field::new("follows", text(), "whom it takes for the leader"),
        Field::new("version", Type::Object(version), "its version"),
        Field::new("expect", Type::list(Type::Object(expect)), "what it must say of itself"),
        Field::new("registered", Type::list(Type::Object(registered)), "what registers with it"),
        Field::new("pool", map(Type::Object(pool)), "what it has to hand out, by name"),
    ])
}

fn traffic() -> Vec<Field> {
    vec![
        Field::new("from", word(), "role that connects; default: people and programs outside"),
        Field::new("to", word(), "role that listens").required(),
        Field::new("ports", Type::list(port()), "TCP ports").required(),
        Field::new("description", text(), "what for, in a few words").required(),
        Field::new("when", text(), "condition over the cluster"),
    ]
}

fn audience() -> [Field; 2] {
    [Field::new("roles", Type::list(word()), "default: every role"), Field::new("when", text(), "condition")]
}

fn ownership() -> [Field; 3] {
    [
        Field::new("mode", Type::Scalar(Syntax::Mode), "permission bits"),
        Field::new("owner", unix(), "owner"),
        Field::new("group", unix(), "group"),
    ]
}

fn directory() -> Vec<Field> {
    let mut fields = vec![Field::new("path", text(), "path, a template").required()];
    fields.extend(ownership());
    fields.extend(audience());
    fields
}

fn alternative() -> Vec<Field> {
    let mut fields = vec![
        Field::new("name", word(), "name of the group").required(),
        Field::new("link", Type::Scalar(Syntax::Path), "the generic path").required(),
        Field::new("path", Type::Scalar(Syntax::Path), "our folder").required(),
        Field::new("priority", Type::Int { min: 1, max: 10_000 }, "our priority").required(),
    ];
    fields.extend(audience());
    fields
}

fn state() -> Vec<Field> {
    let mut fields = vec![
        Field::new("path", text(), "a file or folder, a template").required(),
        Field::new("why", text(), "why no two machines may have the same; goes on from `it`").required(),
    ];
    fields.extend(audience());
    fields
}

fn file() -> Vec<Field> {
    let secret = Type::AnyScalar;
    let mut fields = vec![
        Field::new("path", text(), "path, a template").required(),
        Field::new("content", Type::Text(Text { max: 1 << 20, multiline: true, empty: true, ..Text::default() }), "inline template"),
        Field::new("each", text(), "one file per element"),
        Field::new("secret", secret, "true, false, or a condition"),
        Field::new("restarts", Type::list(word()), "services to restart when it changes"),
    ];
    fields.extend(ownership());
    fields.extend(audience());
    fields
}

fn source() -> Vec<Field> {
    let key = vec![
        Field::new("file", Type::text(), "armored public key").required(),
        Field::new("fingerprint", Type::pattern("([0-9A-Fa-f]{4} *){10}", "forty hexadecimal digits"), "full fingerprint").required(),
    ];
    vec![
        Field::new("official", text(), "base URL, a template").required(),
        Field::new("suite", text(), "suite, a template").required(),
        Field::new("components", Type::list(Type::text()), "components").required(),
        Field::new("key", Type::Object(key), "the key that signs it").required(),
        Field::new("file", Type::pattern(r"[a-z0-9.-]+\.list", "a name that ends in .list"), "file in sources.list.d").required(),
    ]
}

fn flag_table() -> Vec<Field> {
    let form = || {
        Type::Object(vec![
            Field::new("file", Type::text(), "file name").required(),
            Field::new("content", Type::Text(Text { multiline: true, empty: true, ..Text::default() }), "content").required(),
        ])
    };
    let columns = ["flag", "first", "last", "alias", "kind"].map(|name| Field::new(name, Type::text(), "name of the column"));
    vec![
        Field::new("file", Type::text(), "tab-separated table").required(),
        Field::new("where", map(Type::text()), "rows to take, by column"),
        Field::new("columns", Type::Object(columns.to_vec()), "names of the columns").required(),
        Field::new("version", Type::text(), "key of `versions`").required(),
        Field::new("command", Type::text(), "named in messages").required(),
        Field::new("value", form(), "how a flag becomes a file").required(),
        Field::new("on", form(), "a toggle that is on"),
        Field::new("off", form(), "a toggle that is off"),
        Field::new("durations", Type::list(Type::text()), "flags that hold durations"),
        Field::new("reserved", map(text()), "flags that the user may not set, and why"),
    ]
}

fn rule() -> Vec<Field> {
    vec![
        Field::new("code", word(), "code below the profile's name").required(),
        Field::new("severity", Type::Choice(["error", "warning"].map(String::from).to_vec()), "error or warning").required(),
        Field::new("each", Type::Choice(vec!["host".into()]), "once per host"),
        Field::new("roles", Type::list(word()), "only hosts that have one of these"),
        Field::new("when", text(), "true means: here is the problem; with `find`: only then is it looked for"),
        Field::new(
            "find",
            text(),
            "template; each line that it prints is a problem: a place, and a list in JSON that the texts see as `found`",
        ),
        Field::new("at", Type::text(), "where to point, without `find`"),
        Field::new("message", text(), "template").required(),
        Field::new("help", text(), "template").required(),
        Field::new("explain", text(), "why it matters and how to mend it").required(),
    ]
}

fn watch() -> Vec<Field> {
    vec![
        Field::new("code", word(), "code below the profile's name").required(),
        Field::new("role", word(), "the hosts of this role are compared"),
        Field::new("file", Type::Scalar(Syntax::Path), "this file is compared, of each host that stays"),
        Field::new("part", text(), "pattern of what counts in the file; its group where it has one"),
        Field::new("package", Type::text(), "the version of this package is compared"),
        Field::new("roles", Type::list(word()), "only hosts that have one of these"),
        Field::new("when", text(), "expression over `old` and `new`; default: they differ"),
        Field::new("message", text(), "template").required(),
        Field::new("help", text(), "template").required(),
        Field::new("explain", text(), "why it matters and what to do").required(),
        Field::new("guide", word(), "guide that leads through"),
    ]
}

/// A guide.
pub fn guide() -> Type {
    Type::Object(vec![Field::new("title", text(), "one line, a template").required()])
}
