//! Signs what a build writes, with gpg as an outside tool in a home of its own, so that neither the user's keys nor settings count.
//!
//! RSA with 4096 bits and SHA-512, in the form that gnupg 1.4 of Ubuntu 14.04 reads. Same key and same text give the same bytes:
//! the signature carries the build's epoch, or the time of the key where that is later, never the clock.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::output;
use super::scratch::Scratch;
use crate::format::openpgp;

/// Name of the key that is made once, beside the spec.
pub const FILE: &str = "clusterseed.key";

/// Who the key belongs to, as gpg shows it.
const USER: &str = "clusterseed (signs the packages and files of a cluster)";

/// Fewest bits of an RSA key. Others are not taken: gnupg 1.4 knows no elliptic curves.
const BITS: usize = 2048;

/// Where the key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Beside the spec; made where it is missing and `make` is set.
    BesideSpec {
        /// The file.
        path: PathBuf,
        /// Whether it may be made.
        make: bool,
    },
    /// A file with a secret key.
    File(PathBuf),
    /// An open file descriptor that gives a secret key.
    Descriptor(i32),
    /// A key of the user's own gpg, which may be on a card.
    Gpg(String),
}

impl KeySource {
    /// `FILE`, `fd:N` or `gpg:KEY`.
    ///
    /// # Errors
    /// When N is no number, or nothing is named.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("fd", number)) => Ok(Self::Descriptor(number.parse().with_context(|| format!("`{text}` names no file descriptor"))?)),
            Some(("gpg", "")) => bail!("`gpg:` names no key: write gpg:FINGERPRINT"),
            Some(("gpg", key)) => Ok(Self::Gpg(key.to_string())),
            _ => Ok(Self::File(text.into())),
        }
    }
}

/// A key that is ready to sign. Its private homes go when it is dropped.
pub struct Key {
    home: Option<Home>,
    /// One more for each further thread: an agent makes one signature after the other, 22 ms each with 4096 bits.
    more: Vec<OnceLock<Result<Home, String>>>,
    /// The secret key that they all have.
    secret: Vec<u8>,
    /// The armored public key.
    pub armored: String,
    /// The same without armor.
    pub keyring: Vec<u8>,
    /// Its full fingerprint: that of the primary key.
    pub fingerprint: String,
    /// Fingerprint of what signs: the primary key, or a subkey where the primary key is kept elsewhere.
    signs: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Time of its signatures.
    time: u64,
    /// True when the file beside the spec was made just now.
    pub made: bool,
}

impl Key {
    /// Opens a key for a build with this epoch.
    ///
    /// # Errors
    /// When gpg is missing, when there is no such key, or when it is none that old hosts can check.
    pub fn open(source: &KeySource, epoch: u64) -> Result<Self> {
        let mut made = false;
        let (secret, wanted) = match source {
            KeySource::Gpg(key) => (None, key.clone()),
            KeySource::BesideSpec { path, make } => {
                if !path.exists() {
                    ensure!(*make, "there is no `{}`: `clusterseed key SPEC` makes it, or `--sign-with` names another", path.display());
                    generate(&Home::new()?, path)?;
                    made = true;
                }
                private(path)?;
                (Some((read(path)?, path.display().to_string())), String::new())
            }
            KeySource::File(path) => {
                private(path)?;
                (Some((read(path)?, path.display().to_string())), String::new())
            }
            KeySource::Descriptor(number) => {
                let path = format!("/proc/self/fd/{number}");
                let mut bytes = Vec::new();
                let opened = fs::File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes));
                opened.with_context(|| format!("reading the key from file descriptor {number}"))?;
                (Some((bytes, format!("fd:{number}"))), String::new())
            }
        };
        let home = secret.as_ref().map(|(secret, name)| Home::with(secret, name)).transpose()?;
        let threads = if home.is_some() { rayon::current_num_threads() - 1 } else { 0 };
        let more = std::iter::repeat_with(OnceLock::new).take(threads).collect();
        let secret = secret.map(|(secret, _)| secret).unwrap_or_default();
        let mut key = Self {
            home,
            more,
            secret,
            armored: String::new(),
            keyring: Vec::new(),
            fingerprint: String::new(),
            signs: String::new(),
            created: 0,
            time: 0,
            made,
        };
        (key.fingerprint, key.signs, key.created) = key.look(&wanted)?;
        key.time = epoch.max(key.created);
        // The primary key and what signs, no other subkey: an old one that has expired would spoil it in the eyes of a host.
        let signs = format!("{}!", key.signs);
        let export = ["--armor", "--export-options", "export-minimal", "--export", &signs];
        key.armored = String::from_utf8(key.run(&export, b"")?).context("gpg exported no armored key")?;
        key.keyring = openpgp::dearmor(&key.armored).map_err(|why| anyhow!("the exported key: {why}"))?;
        let rsa = "use an RSA key of 4096 bits, such as build makes by itself";
        for part in openpgp::keys(&key.keyring).map_err(|why| anyhow!("the exported key: {why}"))? {
            let (bits, name) = (part.bits, &part.fingerprint);
            // A subkey that encrypts may be of any kind; hosts take no short one, whatever it is for.
            let judges = part.primary || part.fingerprint == key.signs;
            ensure!(bits != 0 || !judges, "the key {name} is not RSA, and gnupg 1.4 of Ubuntu 14.04 checks no other kind well; {rsa}");
            ensure!(bits == 0 || bits >= BITS, "the key {name} has {bits} bits, which can be broken; {rsa}");
        }
        Ok(key)
    }

    /// Fingerprints of the one secret key and of the part of it that signs, and the time of that. Whoever keeps the primary key in a
    /// safe has only a subkey here.
    fn look(&self, wanted: &str) -> Result<(String, String, u64)> {
        let words: &[&str] = if wanted.is_empty() { &[] } else { &[wanted] };
        let listed = self.run(&[&["--with-colons", "--list-secret-keys"], words].concat(), b"")?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        // gnupg, doc/DETAILS: validity, time, capabilities, `#` for a part whose secret is not here.
        let mut parts: Vec<Part> = Vec::new();
        for line in listed.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let field = |n: usize| fields.get(n).copied().unwrap_or_default();
            match (fields[0], parts.last_mut()) {
                (kind @ ("sec" | "ssb"), _) => parts.push(Part {
                    primary: kind == "sec",
                    fingerprint: String::new(),
                    created: field(5).parse().unwrap_or(0),
                    spoilt: match field(1) {
                        "e" => Some("has expired"),
                        "r" => Some("was revoked"),
                        "d" => Some("is disabled"),
                        _ => None,
                    },
                    signs: field(11).contains('s') && field(14) != "#",
                }),
                ("fpr", Some(part)) if part.fingerprint.is_empty() => part.fingerprint = field(9).to_string(),
                _ => {}
            }
        }
        let primary = match &parts.iter().filter(|part| part.primary).collect::<Vec<_>>()[..] {
            [] => bail!("there is no secret key{}", if wanted.is_empty() { String::new() } else { format!(" `{wanted}`") }),
            [primary] => *primary,
            _ => bail!("there are several secret keys: name one, as gpg:FINGERPRINT or in a file of its own"),
        };
        if let Some(why) = primary.spoilt {
            bail!("the key {} {why}: nobody would take what it signs", primary.fingerprint);
        }
        let usable = parts.iter().filter(|part| part.signs && part.spoilt.is_none());
        let Some(signs) = usable.max_by_key(|part| (part.primary, part.created)) else {
            bail!("the key {} can sign nothing here: its secret part is elsewhere, and none of its subkeys signs", primary.fingerprint);
        };
        Ok((primary.fingerprint.clone(), signs.fingerprint.clone(), signs.created))
    }

    /// An armored signature, or the text with one around it.
    ///
    /// # Errors
    /// When gpg does not sign.
    pub fn sign(&self, text: &[u8], clear: bool) -> Result<Vec<u8>> {
        let (time, user) = (format!("{}!", self.time), format!("{}!", self.signs));
        let how = if clear { "--clear-sign" } else { "--detach-sign" };
        let words = ["--faked-system-time", &time, "--digest-algo", "SHA512", "--personal-digest-preferences", "SHA512"];
        let words = [&words[..], &["--local-user", &user, "--armor", how]].concat();
        let further = rayon::current_thread_index().and_then(|thread| self.more.get(thread.checked_sub(1)?));
        let home = match further {
            Some(home) => home.get_or_init(|| Home::with(&self.secret, "the key").map_err(|error| format!("{error:#}"))).as_ref().map(Some),
            None => Ok(self.home.as_ref()),
        };
        gpg(home.map_err(|why| anyhow!("{why}"))?, &words, text).context("signing")
    }

    fn run(&self, words: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        gpg(self.home.as_ref(), words, input)
    }
}

/// A secret key or subkey, as gpg lists it.
struct Part {
    primary: bool,
    fingerprint: String,
    created: u64,
    /// Why nobody would take what it signs.
    spoilt: Option<&'static str>,
    /// Whether it can sign, here.
    signs: bool,
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading `{}`", path.display()))
}

/// A key that somebody else could read signs nothing.
fn private(path: &Path) -> Result<()> {
    let mode = fs::metadata(path).with_context(|| format!("looking at `{}`", path.display()))?.permissions().mode();
    ensure!(mode & 0o077 == 0, "`{0}` can be read by others (mode {1:04o}): chmod 600 {0}", path.display(), mode & 0o777);
    Ok(())
}

/// Makes a key and writes it to `path`, whole, 0600, never over another.
fn generate(home: &Home, path: &Path) -> Result<()> {
    let made = gpg(Some(home), &["--passphrase", "", "--quick-generate-key", USER, "rsa4096", "sign", "never"], b"");
    made.context("making a key")?;
    let secret = gpg(Some(home), &["--armor", "--export-secret-keys"], b"").context("taking the key out of gpg")?;
    output::write_file(path, &secret, 0o600, true)
}

/// A GNUPGHOME that is ours alone.
#[derive(Debug)]
struct Home(Scratch);

impl Home {
    /// One that holds this secret key.
    fn with(secret: &[u8], name: &str) -> Result<Self> {
        let home = Self::new()?;
        home.import(secret, name)?;
        Ok(home)
    }

    fn new() -> Result<Self> {
        Scratch::with("gpg", dismiss).map(Self)
    }

    fn import(&self, key: &[u8], name: &str) -> Result<()> {
        gpg(Some(self), &["--import"], key).with_context(|| format!("`{name}` holds no secret OpenPGP key that gpg takes"))?;
        Ok(())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        dismiss(self.0.path());
    }
}

/// The agent would stay; without the socket it goes by itself a little later, too.
fn dismiss(home: &Path) {
    let _ = Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).stderr(Stdio::null()).status();
}

/// Runs gpg: its output, or what it said.
fn gpg(home: Option<&Home>, words: &[&str], input: &[u8]) -> Result<Vec<u8>> {
    let mut command = Command::new("gpg");
    if let Some(home) = home {
        command.arg("--homedir").arg(home.0.path());
        command.args(["--no-options", "--no-auto-check-trustdb", "--trust-model", "always", "--pinentry-mode", "loopback"]);
        command.args(["--passphrase", ""]);
    }
    command.args(["--batch", "--no-tty", "--quiet", "--yes", "--no-emit-version", "--no-comments", "--lock-never"]).args(words);
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("gpg is needed to sign, and is not here: apt-get install gnupg")
        }
        Err(error) => return Err(error).context("starting gpg"),
    };
    let mut stdin = child.stdin.take().context("gpg takes no input")?;
    let output = std::thread::scope(|scope| {
        // It may end before it has read everything; what it says then counts.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    });
    let output = output.context("running gpg")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().map(|line| line.trim_start_matches("gpg: ")).filter(|line| !line.is_empty()).collect();
        bail!("gpg: {}", if said.is_empty() { output.status.to_string() } else { said.join("; ") });
    }
    Ok(output.stdout)
}
