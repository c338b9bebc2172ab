//! The spec's fields, in the order in which `init` writes them: the source of the check and of the JSON Schema.

use crate::schema::scalar::Syntax;
use crate::schema::{Field, Text, Type};

/// The version of the spec's format that this program reads.
pub const VERSION: i64 = 1;

const NAME: &str = "[a-z][a-z0-9-]*";
const NAME_WORDS: &str = "lower-case letters, digits and dashes, beginning with a letter";

fn name() -> Type {
    Type::pattern(NAME, NAME_WORDS)
}

fn scalar(syntax: Syntax) -> Type {
    Type::Scalar(syntax)
}

fn fingerprint() -> Type {
    Type::pattern("([0-9A-Fa-f]{4} *){10}", "forty hexadecimal digits")
}

fn choice(words: &[&str]) -> Type {
    Type::Choice(words.iter().map(|w| (*w).to_string()).collect())
}

/// The whole spec; settings are left open unless the profile's types are given: of the cluster's, and of those of roles and hosts.
pub fn spec(types: Option<[&Type; 2]>) -> Type {
    let [wide, narrow] = types.map_or([Type::Raw, Type::Raw], |types| types.map(Type::clone));
    let settings = |doc| Field::new("settings", narrow.clone(), doc);
    Type::Object(vec![
        Field::new("version", Type::Int { min: VERSION, max: VERSION }, "version of this format, 1").required(),
        Field::new(
            "cluster",
            Type::pattern("[a-z]([a-z0-9-]{0,38}[a-z0-9])?", "lower-case letters, digits and dashes, beginning with a letter, at most 40"),
            "name of the cluster",
        )
        .required(),
        Field::new("profile", name(), "kind of cluster, for example mesosphere").required(),
        Field::new(
            "platform",
            Type::pattern("[a-z0-9][a-z0-9.-]*", "a platform's name"),
            "operating system of the hosts, for example ubuntu-14.04",
        )
        .required(),
        Field::new("cloud", name(), "cloud whose size limits hold").default("nocloud"),
        Field::new(
            "delivery",
            Type::ShortOr(Box::new(delivery_method()), Box::new(Type::Object(delivery()))),
            "how the seed reaches the hosts",
        )
        .default("inline"),
        Field::new(
            "instance_id",
            choice(&["stable", "content"]),
            "stable: a changed spec never runs first boot again; content: it does where it changes the host's plan",
        )
        .default("stable"),
        Field::new("network", Type::Object(network()), "addresses of the cluster").required(),
        Field::new(
            "hosts",
            Type::list(Type::Object(host(settings(
                "settings of this host alone; mappings add to those of its roles and the cluster, key by key; null takes a key away",
            )))),
            "hosts, one by one or as ranges",
        )
        .required(),
        Field::new(
            "roles",
            Type::Map {
                keys: None,
                values: Box::new(Type::Object(vec![settings(
                    "settings of all hosts of the role; mappings add to the cluster's, key by key; null takes a key away",
                )])),
            },
            "overrides by role",
        ),
        Field::new("settings", wide, "settings of the profile for the whole cluster"),
        Field::new("packages", Type::Object(packages()), "versions and sources of packages"),
        Field::new(
            "trust",
            Type::Object(vec![
                Field::new("fingerprints", Type::list(fingerprint()), "full fingerprints of the primary keys that may sign seeds")
                    .required(),
            ]),
            "hosts take only seeds that one of these keys has signed; none: any seed",
        ),
        Field::new(
            "access",
            Type::Object(vec![Field::new("users", Type::list(Type::Object(user())), "accounts on every host")]),
            "who may log in",
        ),
        Field::new("files", Type::list(Type::Object(file())), "your own files"),
        Field::new("commands", Type::list(Type::Object(command())), "your own commands"),
        Field::new("allow", Type::list(Type::text()), "codes of warnings that shall be silent"),
    ])
}

fn delivery_method() -> Type {
    choice(&["inline", "volume", "url", "image", "hand"])
}

fn delivery() -> Vec<Field> {
    vec![
        Field::new(
            "method",
            delivery_method(),
            "inline: in user-data; volume: seed.tar.gz on the seed volume; url: fetched over HTTP; image: in user-data, for an image that `bake` made; hand: unpacked by hand",
        )
        .required(),
        Field::new("url", scalar(Syntax::Url), "for `url`: where the folder `out/hosts` is served"),
        Field::new(
            "compress",
            choice(&["auto", "never", "always"]),
            "user-data as gzip, in a form that the cloud takes; auto: when it is too large otherwise",
        )
        .default("auto"),
        Field::new(
            "volume",
            choice(&["iso", "vfat", "none"]),
            "seed volume of each host; iso: seed.iso; vfat: seed.img; none: no file; default: iso where the cloud takes a volume",
        ),
    ]
}

fn network() -> Vec<Field> {
    let interfaces = Type::list(Type::Object(interface()));
    let domain = Type::pattern(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", "a domain name in lower case");
    let mut fields = vec![
        Field::new("subnet", scalar(Syntax::Subnet), "network that holds every host").required(),
        Field::new("gateway", scalar(Syntax::Address), "default gateway; none: no default route"),
        Field::new("nameservers", Type::list(scalar(Syntax::Address)), "name servers"),
        Field::new("search", Type::list(domain), "search domains; the first is the hosts' own"),
        Field::new("interface", interface_name(), "name of the interface that has the hosts' addresses").default("eth0"),
        Field::new(
            "addressing",
            choice(&["static", "dhcp", "none"]),
            "static: addresses are written to the hosts; dhcp: a server gives the addresses of this file; none: the image or cloud does it",
        )
        .default("static"),
    ];
    fields.extend(link());
    fields.push(Field::new("interfaces", interfaces, "further interfaces: more networks, members of a bond, links of VLANs"));
    fields
}

fn interface_name() -> Type {
    Type::pattern("[a-z][a-z0-9._-]{0,14}", "an interface name of at most 15 characters: lower-case letters, digits, `.`, `_` and `-`")
}

/// An interface beside the cluster's.
fn interface() -> Vec<Field> {
    let mut fields = vec![
        Field::new("name", interface_name(), "name of the interface").required(),
        Field::new("subnet", scalar(Syntax::Subnet), "network of its addresses"),
        Field::new("gateway", scalar(Syntax::Address), "default gateway, where the cluster's interface has none"),
        Field::new(
            "addressing",
            choice(&["static", "dhcp", "none"]),
            "static (default with a subnet): each host has an address of the subnet; dhcp: a server gives it; none (default without): no address",
        ),
    ];
    fields.extend(link());
    fields
}

/// What may be said of every interface, the cluster's among them.
fn link() -> Vec<Field> {
    let metric = Type::Int { min: 0, max: i64::from(u32::MAX) };
    let route = vec![
        Field::new("to", scalar(Syntax::Destination), "network that it leads to").required(),
        Field::new("via", scalar(Syntax::Address), "next hop, an address of the interface's own subnet").required(),
        Field::new("metric", metric, "of two routes to one network, that with the lower metric is taken"),
    ];
    // Names and values of the kernel's bonding driver (Documentation/networking/bonding.rst).
    let modes = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
    let policies = ["layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4"];
    let bond = vec![
        Field::new("members", Type::list(interface_name()), "interfaces that it is made of").required(),
        Field::new("mode", choice(&modes), "how frames are spread over the members").required(),
        Field::new("primary", interface_name(), "member that is used as long as it works"),
        Field::new("miimon", Type::Int { min: 0, max: 60000 }, "milliseconds between looks at the carrier; 0: none").default(100),
        Field::new("lacp_rate", choice(&["slow", "fast"]), "how often a partner of 802.3ad speaks"),
        Field::new("xmit_hash_policy", choice(&policies), "what chooses the member for a frame"),
    ];
    let vlan = vec![
        Field::new("id", Type::Int { min: 1, max: 4094 }, "number of the VLAN (IEEE 802.1Q)").required(),
        Field::new("link", interface_name(), "interface that carries it").required(),
    ];
    vec![
        Field::new("mtu", Type::Int { min: 68, max: 9216 }, "longest packet in bytes; default: the driver's, mostly 1500"),
        Field::new("routes", Type::list(Type::Object(route)), "static routes"),
        Field::new("bond", Type::Object(bond), "makes it a bond of other interfaces"),
        Field::new("vlan", Type::Object(vlan), "makes it a VLAN on another interface"),
    ]
}

fn host(settings: Field) -> Vec<Field> {
    vec![
        Field::new(
            "name",
            Type::pattern(r"[A-Za-z0-9._-]+(\[[0-9]+-[0-9]+\])?", "a host name, or a range such as `slave[1-300]`"),
            "host name, or a range such as `slave[1-300]`",
        )
        .required(),
        Field::new("role", Type::OneOrMany(Box::new(name())), "role, or list of roles").required(),
        Field::new("address", scalar(Syntax::Address), "address; of a range, the first").required(),
        Field::new(
            "id",
            Type::Int { min: 0, max: i64::from(u32::MAX) },
            "number of the host where its role needs one; of a range, the first; default: the number that ends the name",
        ),
        Field::new(
            "interfaces",
            Type::Map { keys: None, values: Box::new(Type::Object(host_interface())) },
            "what the host's interfaces have of their own, by name",
        ),
        settings,
    ]
}

fn host_interface() -> Vec<Field> {
    vec![
        Field::new(
            "address",
            scalar(Syntax::Address),
            "address on a further interface; of a range, the first; default: the subnet's with the same number as in the cluster's subnet",
        ),
        Field::new("mac", scalar(Syntax::Mac), "hardware address by which the interface is found and named; of a range, the first"),
    ]
}

fn packages() -> Vec<Field> {
    vec![
        Field::new(
            "source",
            choice(&["official", "mirror", "carried"]),
            "official: the profile's own repository; mirror: yours; carried: inside the seed",
        )
        .default("official"),
        Field::new("mirror", scalar(Syntax::Url), "base URL of your mirror"),
        Field::new("key", Type::text(), "file with the mirror's armored public key, relative to the spec; default: the profile's key"),
        Field::new("fingerprint", fingerprint(), "full fingerprint of that key"),
        Field::new("set", name(), "package set of the profile"),
        Field::new("versions", Type::Map { keys: None, values: Box::new(scalar(Syntax::Version)) }, "pinned versions by package"),
        Field::new(
            "extra",
            Type::list(Type::pattern("[a-z0-9][a-z0-9+.-]+", "a package's name alone, in lower case: no version, no architecture")),
            "more packages for every host",
        ),
        Field::new("from", Type::list(Type::Object(origin())), "for `carried`: where packages come from, in order of preference"),
        Field::new(
            "base",
            Type::text(),
            "for `carried`: what the image has already: its /var/lib/dpkg/status, its root, or a tarball of that, relative to the spec; default: nothing",
        ),
        Field::new(
            "sources_list",
            choice(&["keep", "aside"]),
            "for `carried`: what becomes of the host's own package sources; keep: they stay, unused while the seed is applied; aside: they are set aside",
        )
        .default("keep"),
    ]
}

/// An entry of `packages.from`.
fn origin() -> Vec<Field> {
    let suite = Type::pattern(r"[A-Za-z0-9.][A-Za-z0-9./_+-]*", "a suite such as `bookworm`, or `./` where there are none");
    let component = Type::pattern("[A-Za-z0-9][A-Za-z0-9/_.+-]*", "a component such as `main`");
    vec![
        Field::new("name", name(), "what cluster.lock and messages call it").required(),
        Field::new(
            "url",
            Type::OneOrMany(Box::new(scalar(Syntax::Url))),
            "base URL of an apt repository; of a list, the others are mirrors of the first",
        ),
        Field::new("suites", Type::list(suite), "suites of the repository; one that ends in `/` is the path of one without suites"),
        Field::new("components", Type::list(component), "components of each suite"),
        Field::new("key", Type::text(), "file with the public keys that sign it, relative to the spec"),
        Field::new("fingerprints", Type::list(fingerprint()), "full fingerprints of the keys that may sign it"),
        Field::new("folder", Type::text(), "folder of .deb files, relative to the spec"),
        Field::new("unsigned", Type::Bool, "true: take a repository that nobody signs, or none checks").default(false),
        Field::new("priority", Type::Int { min: 1, max: 1000 }, "priority of its packages, as in apt_preferences(5)").default(500),
    ]
}

fn user() -> Vec<Field> {
    let unix = || Type::pattern("[a-z_][a-z0-9_-]{0,30}", "lower-case letters, digits, `_` and `-`, at most 31");
    // A pasted private key has many lines; it is told apart from a broken public one later.
    let key = Type::Text(Text { max: 16384, multiline: true, ..Text::default() });
    vec![
        Field::new("name", unix(), "login name").required(),
        Field::new("gecos", Type::pattern("[^:,]*", "text without `:` and `,`"), "full name"),
        Field::new("groups", Type::list(unix()), "further groups that the image has"),
        Field::new("shell", scalar(Syntax::Path), "login shell").default("/bin/bash"),
        Field::new("sudo", Type::Bool, "may use sudo without a password").default(false),
        Field::new("password_hash", Type::text(), "hash as `mkpasswd -m sha-512` prints it; none: no password"),
        Field::new("ssh_keys", Type::list(key), "public keys, one line each"),
    ]
}

fn audience() -> [Field; 2] {
    [
        Field::new("roles", Type::list(name()), "only hosts that have one of these roles"),
        Field::new("hosts", Type::list(Type::text()), "only these hosts"),
    ]
}

fn file() -> Vec<Field> {
    let text = Type::Text(Text { max: 1 << 20, multiline: true, empty: true, ..Text::default() });
    let unix = || Type::pattern("[a-z_][a-z0-9_-]{0,30}", "a user or group name");
    let mut fields = vec![
        Field::new("path", scalar(Syntax::Path), "path on the target").required(),
        Field::new("content", text, "the text of the file").or_local_file("source"),
        Field::new("source", Type::text(), "local file with the content, relative to the spec"),
        Field::new("mode", scalar(Syntax::Mode), "permission bits").default("0644"),
        Field::new("owner", unix(), "owner").default("root"),
        Field::new("group", unix(), "group").default("root"),
        Field::new(
            "secret",
            Type::Bool,
            "true: readable for its owner alone, on the target (unless mode says otherwise) and in the output; default: true when mode lets others not read it",
        ),
    ];
    fields.extend(audience());
    fields
}

fn command() -> Vec<Field> {
    let mut fields = vec![
        Field::new("run", Type::OneOrMany(Box::new(Type::text())), "a line for /bin/sh, or a list: the command and its words").required(),
        Field::new("at", choice(&["before-install", "after-start"]), "when, on first boot").default("after-start"),
    ];
    fields.extend(audience());
    fields
}
