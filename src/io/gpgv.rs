//! Signatures, as gpgv(1) judges them: it knows expiry, revocation and bindings of subkeys. What it lets through and what is too
//! weak today, MD5 and SHA-1, short keys, keys that nobody pinned, is refused here.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::scratch::Scratch;
use crate::cluster::carried::LEAST_BITS;
use crate::format::openpgp;

/// What is to be checked.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// A text with its signature around it, as InRelease.
    Inline(&'a [u8]),
    /// A text and its signature beside it, as Release and Release.gpg.
    Detached(&'a [u8], &'a [u8]),
}

/// A text that a pinned key has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The text: of a signed message, what was signed and nothing around it.
    pub text: Vec<u8>,
    /// Fingerprint of the pinned key.
    pub signed_by: String,
}

/// Checks a signature against a binary keyring, of which only keys with these fingerprints count. The inner error says why it is refused.
pub fn verify(signed: Signed<'_>, keyring: &[u8], fingerprints: &[String]) -> Result<Result<Verified, String>> {
    let folder = Scratch::new("gpgv")?;
    let keys = write(&folder, "keys.gpg", keyring)?;
    let text = folder.path().join("text");
    let mut command = Command::new("gpgv");
    command.env("LC_ALL", "C").env("GNUPGHOME", folder.path()).stdin(Stdio::null());
    command.args(["--status-fd", "1", "--keyring"]).arg(&keys);
    match signed {
        Signed::Inline(bytes) => command.arg("--output").arg(&text).arg(write(&folder, "message", bytes)?),
        Signed::Detached(bytes, signature) => command.arg(write(&folder, "signature", signature)?).arg(write(&folder, "text", bytes)?),
    };
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("signatures are checked with gpgv, which is not installed: `apt-get install gpgv`, `dnf install gnupg2`, `apk add gpgv`")
        }
        Err(error) => return Err(error).context("running gpgv"),
    };
    let status = String::from_utf8_lossy(&output.stdout);
    if status.is_empty() && String::from_utf8_lossy(&output.stderr).contains("nvalid option") {
        bail!("gpgv is of a gnupg before 2.2, and cannot read a signature around a text; install a newer one");
    }
    match judge(&status, keyring, fingerprints) {
        Ok(signed_by) => {
            let text = fs::read(&text).context("reading what gpgv has checked")?;
            Ok(Ok(Verified { text, signed_by }))
        }
        Err(why) => Ok(Err(why)),
    }
}

/// The pinned key that made a sound signature, from gpgv's status lines (gnupg, doc/DETAILS).
fn judge(status: &str, keyring: &[u8], fingerprints: &[String]) -> Result<String, String> {
    let known = openpgp::keys(keyring).unwrap_or_default();
    let mut refused: Vec<String> = Vec::new();
    let (mut good, mut accepted) = (false, None);
    for line in status.lines().filter_map(|line| line.strip_prefix("[GNUPG:] ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let key = words.get(1).copied().unwrap_or_default();
        match words[0] {
            "NEWSIG" => good = false,
            "GOODSIG" => good = true,
            // One bad signature beside good ones: somebody has touched it.
            "BADSIG" => return Err("it was changed after it was signed".into()),
            "EXPKEYSIG" => {
                good = false; // older versions say no NEWSIG
                refused.push(format!("it is signed by {key}, a key that has expired"));
            }
            "EXPSIG" => {
                good = false;
                refused.push(format!("the signature by {key} has expired"));
            }
            "REVKEYSIG" => {
                good = false;
                refused.push(format!("it is signed by {key}, a key that was revoked"));
            }
            "ERRSIG" if words.get(6) == Some(&"9") => {
                refused.push(format!("it is signed by {key}, which is not among the keys of the spec"))
            }
            "ERRSIG" => refused.push(format!("the signature by {key} cannot be checked: its kind is not known to gpgv, or too weak")),
            "VALIDSIG" if good => {
                good = false;
                match sound(&words, &known, fingerprints) {
                    Ok(pinned) => accepted = accepted.or(Some(pinned)),
                    Err(why) => refused.push(why),
                }
            }
            "ERROR" if key.starts_with("proc_pkt.plaintext") => return Err("it holds more than one message".into()),
            _ => {}
        }
    }
    refused.dedup();
    match accepted {
        Some(pinned) => Ok(pinned),
        None if refused.is_empty() => Err("it holds no signature".into()),
        None => Err(refused.join("; ")),
    }
}

/// `VALIDSIG fingerprint date timestamp expires version reserved algorithm hash class primary`.
fn sound(words: &[&str], known: &[openpgp::Key], fingerprints: &[String]) -> Result<String, String> {
    let (Some(signer), Some(hash), Some(primary)) = (words.get(1), words.get(8), words.get(10)) else {
        return Err("gpgv says something that is not understood: VALIDSIG without all its words".into());
    };
    // RFC 4880, 9.4.
    let weak = match *hash {
        "1" => Some("MD5"),
        "2" => Some("SHA-1"),
        "3" => Some("RIPEMD-160"),
        _ => None,
    };
    if let Some(weak) = weak {
        return Err(format!("the signature by {signer} is over {weak}, which can be forged"));
    }
    if let Some(key) = known.iter().find(|key| key.fingerprint == *signer && key.weak(LEAST_BITS)) {
        return Err(format!("it is signed by {signer}, a key of {} bits, where {LEAST_BITS} are the least", key.bits));
    }
    match fingerprints.iter().find(|pin| pin == primary || pin == signer) {
        Some(pin) => Ok(pin.clone()),
        None => Err(format!("it is signed by {primary}, whose fingerprint is not pinned")),
    }
}

fn write(folder: &Scratch, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = folder.path().join(name);
    fs::write(&path, bytes).with_context(|| format!("writing `{}`", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::judge;

    const PIN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn lines(lines: &[&str]) -> Result<String, String> {
        judge(&lines.iter().map(|line| format!("[GNUPG:] {line}\n")).collect::<String>(), &[], &[PIN.to_string()])
    }

    fn valid(primary: &str, hash: &str) -> String {
        format!("VALIDSIG BBBB 2024-01-01 1 0 4 0 1 {hash} 01 {primary}")
    }

    #[test]
    fn one_pinned_signature_is_enough() {
        let sound = valid(PIN, "10");
        assert_eq!(lines(&["NEWSIG", "ERRSIG C 1 10 01 1 9 C", "NO_PUBKEY C", "NEWSIG", "GOODSIG B x", &sound]), Ok(PIN.to_string()));
        assert!(lines(&["NEWSIG", "GOODSIG B x", &valid("CCCC", "10")]).unwrap_err().contains("not pinned"));
    }

    #[test]
    fn everything_else_is_refused() {
        let sound = valid(PIN, "10");
        for (status, why) in [
            (vec!["NODATA 1"], "no signature"),
            (vec!["NEWSIG", "EXPKEYSIG B x", &sound], "expired"),
            (vec!["NEWSIG", "REVKEYSIG B x", &sound], "revoked"),
            (vec!["NEWSIG", "GOODSIG B x", &sound, "NEWSIG", "BADSIG B x"], "changed"),
            (vec!["NEWSIG", "GOODSIG B x", "NEWSIG", "EXPSIG B x", &sound], "expired"),
            (vec!["NEWSIG", "GOODSIG B x", &valid(PIN, "2")], "SHA-1"),
            (vec!["NEWSIG", "ERRSIG C 1 10 01 1 9 C", "NO_PUBKEY C"], "not among"),
            // Before 2.2, no NEWSIG comes between signatures: what was good of one says nothing of the next.
            (vec!["GOODSIG B x", "EXPKEYSIG B x", &sound], "expired"),
            (vec!["GOODSIG B x", "EXPSIG B x", &sound], "expired"),
        ] {
            let found = lines(&status).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
