//! What differs between operating systems and between clouds: data, beside the profiles.

pub mod cloud;
pub mod target;

pub use cloud::{Cloud, Encoding, clouds};
pub use target::{Target, targets};

use crate::diag::{Diagnostic, Diagnostics, FileId, Sources, codes, did_you_mean_or};
use crate::profile::catalog::Catalog;
use crate::schema::check::Checker;
use crate::schema::{Field, Type, Value};
use crate::yaml::read;

/// An operating system.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Its name, for example `ubuntu-14.04`.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// `ID` of /etc/os-release.
    pub distribution: String,
    /// `VERSION_ID` of /etc/os-release.
    pub version: String,
    /// Codename, the suite of its repositories.
    pub codename: String,
    /// dpkg's architecture.
    pub architecture: String,
    /// Init system.
    pub init: Init,
    /// Kinds of password hashes that its C library checks, as crypt(5) marks them; none: every kind.
    pub password_hashes: Option<Vec<String>>,
    /// How apt is told which key signs which repository.
    pub apt_keys: AptKeys,
    /// Package without which apt takes nothing over https, where there is such.
    pub apt_https: Option<String>,
    /// Version of its cloud-init.
    pub cloud_init: String,
    /// What its cloud-init takes.
    pub dialect: Dialect,
    /// What the network needs of the image.
    pub needs: Needs,
    /// True when its images are known to leave the names of cards to udev, so that none is called eth0.
    pub udev_names: bool,
}

/// Packages that the image must hold before the network can come up as described; none: it can by itself.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// For a bond.
    pub bond: Option<String>,
    /// For any VLAN.
    pub vlan: Option<String>,
    /// For a VLAN that is not called LINK.ID.
    pub named_vlan: Option<String>,
    /// For static routes.
    pub routes: Option<String>,
}

impl Platform {
    /// True when passwords can be checked against hashes that begin with `$id$`.
    pub fn takes_hash(&self, id: &str) -> bool {
        self.password_hashes.as_ref().is_none_or(|known| known.iter().any(|k| k == id))
    }
}

/// Init systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// upstart: `/etc/init/JOB.override`.
    Upstart,
    /// systemd: drop-ins.
    Systemd,
}

impl Init {
    /// The word in data files and in `host.json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upstart => "upstart",
            Self::Systemd => "systemd",
        }
    }
}

/// Where the key of a repository goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AptKeys {
    /// A binary keyring in /etc/apt/trusted.gpg.d.
    TrustedGpgD,
    /// An armored key in /etc/apt/keyrings, named by `signed-by`.
    SignedBy,
}

/// What a version of cloud-init takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Multi-line text may be a literal block; otherwise every string is double-quoted.
    pub literal: bool,
    /// Form of apt sources.
    pub apt: AptForm,
    /// Form of the network configuration.
    pub network: NetworkForm,
    /// `dsmode` must stand in meta-data.
    pub dsmode: bool,
}

/// Form of apt sources in user-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AptForm {
    /// `apt_sources`, a list, with the key inline.
    AptSources,
    /// The same family of keys, but no source: it would be asked at once, before the seed is there.
    PreserveOnly,
    /// `apt`, a mapping.
    Apt,
}

/// Form of the network configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkForm {
    /// `network-interfaces` in meta-data: the whole of /etc/network/interfaces.
    Interfaces,
    /// A file `network-config`, version 1.
    Version1,
    /// A file `network-config`, version 2.
    Version2 {
        /// The default gateway is `gateway4`; otherwise a route to 0.0.0.0/0 among `routes`.
        gateway4: bool,
    },
}

impl NetworkForm {
    /// True when cloud-init makes a text for ifupdown of it, and loses on the way what that form has no words for.
    pub fn is_told_to_ifupdown(self) -> bool {
        self == Self::Version1
    }

    /// True when an interface can be found by its hardware address, before it has its name.
    pub fn finds_by_mac(self) -> bool {
        self != Self::Interfaces
    }
}

fn words(list: &[&str]) -> Type {
    Type::Choice(list.iter().map(|w| (*w).to_string()).collect())
}

fn platform_shape() -> Type {
    let text = |name: &str| Field::new(name, Type::text(), name).required();
    let apt = vec![
        Field::new("keys", words(&["trusted.gpg.d", "signed-by"]), "where keys go").required(),
        Field::new("https", Type::text(), "package that the image must have for repositories over https"),
    ];
    let cloud_init = vec![
        text("version"),
        Field::new("text", words(&["quoted", "literal"]), "form of strings").required(),
        Field::new("apt", words(&["apt_sources", "apt_preserve_sources_list", "apt"]), "form of apt sources").required(),
        Field::new("network", words(&["network-interfaces", "version-1", "version-2"]), "form of the network").required(),
        Field::new("default_route", words(&["gateway4", "routes"]), "form of the default gateway in version 2").default("routes"),
        Field::new("dsmode", Type::Bool, "dsmode must stand in meta-data").required(),
    ];
    let mut fields: Vec<Field> = ["platform", "summary", "distribution", "version", "codename", "architecture"].map(text).to_vec();
    fields.push(Field::new("init", words(&["upstart", "systemd"]), "init system").required());
    fields.push(Field::new("password_hashes", Type::list(Type::text()), "kinds of password hashes that it knows; default: every kind"));
    fields.push(Field::new("apt", Type::Object(apt), "apt").required());
    fields.push(Field::new("cloud_init", Type::Object(cloud_init), "cloud-init").required());
    let mut network = ["bond", "vlan", "named_vlan", "routes"]
        .map(|kind| Field::new(kind, Type::text(), "package that the image must have for it"))
        .to_vec();
    network.push(Field::new("names", words(&["kernel", "udev"]), "who names the cards of its images; default: not known"));
    fields.push(Field::new("network", Type::Object(network), "what the network needs of the image; default: nothing"));
    Type::Object(fields)
}

/// Reads a data file against a shape.
fn data(path: &str, shape: &Type, catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Value> {
    let entry = catalog.get(path)?;
    let Ok(text) = std::str::from_utf8(&entry.bytes) else {
        diags.push(Diagnostic::error(codes::PROFILE, None, format!("`{}` is not UTF-8", entry.place(path))));
        return None;
    };
    let file: FileId = sources.add(entry.place(path), text);
    let node = read::parse(text, file, diags)?;
    let before = diags.count(crate::diag::Severity::Error);
    let value = Checker { diags, unknown: codes::UNKNOWN_FIELD, noun: "field" }.check("", &node, shape);
    value.filter(|_| diags.count(crate::diag::Severity::Error) == before)
}

/// Loads a platform by name; `None` when there is none or `diags` says what is wrong in it.
pub fn load(name: &str, catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Platform> {
    let path = format!("profiles/platforms/{name}.yaml");
    let value = data(&path, &platform_shape(), catalog, sources, diags)?;
    let own = value.spanned("platform")?;
    if own.value != name {
        let message = format!("the file of the platform `{name}` says that it is `{}`", own.value);
        let help = format!("write `platform: {name}`, or call the file {}.yaml", own.value);
        diags.push(Diagnostic::error(codes::PROFILE, own.at, message).help(help));
        return None;
    }
    let cloud_init = value.get("cloud_init")?;
    let is = |key: &str, word: &str| cloud_init.string(key).as_deref() == Some(word);
    Some(Platform {
        name: own.value,
        summary: value.string("summary")?,
        distribution: value.string("distribution")?,
        version: value.string("version")?,
        codename: value.string("codename")?,
        architecture: value.string("architecture")?,
        init: if value.string("init")? == "upstart" { Init::Upstart } else { Init::Systemd },
        password_hashes: value.get("password_hashes").map(|_| value.texts("password_hashes").into_iter().map(|id| id.value).collect()),
        apt_keys: if value.get("apt")?.string("keys")? == "signed-by" { AptKeys::SignedBy } else { AptKeys::TrustedGpgD },
        apt_https: value.get("apt")?.string("https"),
        cloud_init: cloud_init.string("version")?,
        dialect: Dialect {
            literal: is("text", "literal"),
            apt: match cloud_init.string("apt")?.as_str() {
                "apt" => AptForm::Apt,
                "apt_sources" => AptForm::AptSources,
                _ => AptForm::PreserveOnly,
            },
            network: match cloud_init.string("network")?.as_str() {
                "version-2" => NetworkForm::Version2 { gateway4: is("default_route", "gateway4") },
                "version-1" => NetworkForm::Version1,
                _ => NetworkForm::Interfaces,
            },
            dsmode: cloud_init.bool("dsmode")?,
        },
        needs: value.get("network").map(needs).unwrap_or_default(),
        udev_names: value.get("network").and_then(|network| network.string("names")).as_deref() == Some("udev"),
    })
}

/// A help line for the name of a platform that there is none of: people say `trusty` and `ubuntu-trusty` as well.
pub fn meant(typed: &str, catalog: &Catalog) -> String {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let platforms = catalog.platforms().into_iter().filter_map(|name| load(name, catalog, &mut sources, &mut diags));
    let mut platforms: Vec<Platform> = platforms.collect();
    // Whoever names no release gets the newest.
    let number = |p: &Platform| p.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>();
    platforms.sort_by_cached_key(|p| std::cmp::Reverse(number(p)));
    let words = |p: &Platform| {
        let (own, codename) = (&p.distribution, &p.codename);
        [codename.clone(), format!("{own}{codename}"), own.clone()].map(|word| (word, p.name.clone()))
    };
    let other: Vec<(String, String)> = platforms.iter().flat_map(words).collect();
    let other: Vec<(&str, &str)> = other.iter().map(|(word, name)| (word.as_str(), name.as_str())).collect();
    did_you_mean_or(typed, catalog.platforms(), &other)
}

fn needs(value: &Value) -> Needs {
    let package = |key| value.string(key);
    Needs { bond: package("bond"), vlan: package("vlan"), named_vlan: package("named_vlan"), routes: package("routes") }
}
