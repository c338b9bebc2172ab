//! What differs between operating systems and between clouds: data, beside the profiles.

pub mod cloud;
pub mod target;

pub use cloud::{Cloud, Encoding, clouds};
pub use target::{Target, targets};

use crate::diag::{Diagnostic, Diagnostics, FileId, Sources, codes};
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
    /// Version of its cloud-init.
    pub cloud_init: String,
    /// What its cloud-init takes.
    pub dialect: Dialect,
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
    /// `apt`, a mapping.
    Apt,
}

/// Form of the network configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkForm {
    /// `network-interfaces` in meta-data: the whole of /etc/network/interfaces.
    Interfaces,
    /// A file `network-config`, version 2.
    Version2,
}

fn words(list: &[&str]) -> Type {
    Type::Choice(list.iter().map(|w| (*w).to_string()).collect())
}

fn platform_shape() -> Type {
    let text = |name: &str| Field::new(name, Type::text(), name).required();
    let apt = vec![Field::new("keys", words(&["trusted.gpg.d", "signed-by"]), "where keys go").required()];
    let cloud_init = vec![
        text("version"),
        Field::new("text", words(&["quoted", "literal"]), "form of strings").required(),
        Field::new("apt", words(&["apt_sources", "apt"]), "form of apt sources").required(),
        Field::new("network", words(&["network-interfaces", "version-2"]), "form of the network").required(),
        Field::new("dsmode", Type::Bool, "dsmode must stand in meta-data").required(),
    ];
    let mut fields: Vec<Field> = ["platform", "summary", "distribution", "version", "codename", "architecture"].map(text).to_vec();
    fields.push(Field::new("init", words(&["upstart", "systemd"]), "init system").required());
    fields.push(Field::new("password_hashes", Type::list(Type::text()), "kinds of password hashes that it knows; default: every kind"));
    fields.push(Field::new("apt", Type::Object(apt), "apt").required());
    fields.push(Field::new("cloud_init", Type::Object(cloud_init), "cloud-init").required());
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
    let value = data(&format!("profiles/platforms/{name}.yaml"), &platform_shape(), catalog, sources, diags)?;
    let cloud_init = value.get("cloud_init")?;
    let is = |key: &str, word: &str| cloud_init.string(key).as_deref() == Some(word);
    Some(Platform {
        name: value.string("platform")?,
        summary: value.string("summary")?,
        distribution: value.string("distribution")?,
        version: value.string("version")?,
        codename: value.string("codename")?,
        architecture: value.string("architecture")?,
        init: if value.string("init")? == "upstart" { Init::Upstart } else { Init::Systemd },
        password_hashes: value.get("password_hashes").map(|_| value.texts("password_hashes").into_iter().map(|id| id.value).collect()),
        apt_keys: if value.get("apt")?.string("keys")? == "signed-by" { AptKeys::SignedBy } else { AptKeys::TrustedGpgD },
        cloud_init: cloud_init.string("version")?,
        dialect: Dialect {
            literal: is("text", "literal"),
            apt: if is("apt", "apt") { AptForm::Apt } else { AptForm::AptSources },
            network: if is("network", "version-2") { NetworkForm::Version2 } else { NetworkForm::Interfaces },
            dsmode: cloud_init.bool("dsmode")?,
        },
    })
}
