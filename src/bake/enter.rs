//! The last step into a root tree that is baked: the machine's own files are left behind for good, and so is the right to do what
//! reaches beyond the tree. Packages may then do what they may in a container, and no more.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind_recursive, mount_change, unmount};
use rustix::process::{WaitOptions, chroot, pivot_root, setsid, wait};
use rustix::thread::{CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities};

/// What maintainer scripts need: owners, modes, accounts, file capabilities, other users' processes. What containers usually have
/// beside it, devices and raw sockets, would reach the machine, for here the kernel keeps no list of devices that are allowed.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::AUDIT_WRITE)
    .union(CapabilitySet::SETFCAP);

/// Bakes in `root`, as the first process of its namespaces; `epoch` is the time of what programs write down, `name_servers` this
/// machine's resolv.conf where the bake uses its network. Gives the exit code.
///
/// # Errors
/// When the kernel does not let us in.
pub fn run(root: &Path, epoch: &OsStr, name_servers: Option<&Path>) -> Result<i32> {
    let name_servers = name_servers.map(fs::read).transpose().context("reading the name servers of this machine")?;
    // The root has to be a mount of its own, and nothing that is mounted here may show elsewhere.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).context("keeping mounts to ourselves")?;
    mount_bind_recursive(root, root).context("mounting the tree upon itself")?;
    std::env::set_current_dir(root).context("entering the tree")?;
    // The old root lies on the new one then, and comes off (pivot_root(2)).
    pivot_root(".", ".").context("making the tree the root: a file system in memory cannot be left, as an initrd is")?;
    unmount(".", UnmountFlags::DETACH).context("leaving this machine's files")?;
    std::env::set_current_dir("/").context("entering the tree")?;
    // Ourselves, as `inside.sh` copied us.
    let _ = fs::remove_file("/run/clusterseed-enter");
    // Only now: in here no link leads out.
    if let Some(text) = name_servers {
        lend(&text).context("giving the tree name servers")?;
    }
    // No terminal either.
    let _ = setsid();
    drop_rights().context("giving up rights")?;

    let mut bake = Command::new("/bin/sh");
    bake.arg("/var/lib/clusterseed/bake/bake").stdin(Stdio::null()).env_clear();
    // useradd and others write the date of a change into what they keep. Nothing of this has to survive a power cut.
    bake.envs([("DPKG_FORCE", "unsafe-io"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("LC_ALL", "C")]);
    let child = bake.env("SOURCE_DATE_EPOCH", epoch).spawn().context("starting the bake in the tree: /bin/sh")?;
    // Programs that ask whether they are in a chroot, so that they leave init alone, look whether the first process has another root.
    chroot("/dev").context("stepping aside")?;
    let own = i32::try_from(child.id()).context("a number of a process")?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == own => return Ok(status.exit_status().unwrap_or(1)),
            // What a package left running ends with us; what ended already is taken off the list, as init does.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for the bake"),
        }
    }
}

/// The file of name servers, where the base has it kept meanwhile, and where it has none kept in mind: src/seed/bake puts that back.
const PLACE: &str = "/etc/resolv.conf";
const KEPT_PLACE: &str = "/run/clusterseed-bake.resolv.conf";
const NONE_PLACE: &str = "/run/clusterseed-bake.no-resolv.conf";

/// Lends the tree name servers: behind its link into /run, which is in no image, or in place of its own file.
fn lend(text: &[u8]) -> io::Result<()> {
    match fs::symlink_metadata(PLACE) {
        Ok(meta) if meta.is_symlink() => {
            let target = Path::new("/etc").join(fs::read_link(PLACE)?);
            let mut plain = PathBuf::from("/");
            for part in target.components() {
                match part {
                    Component::ParentDir => drop(plain.pop()),
                    Component::Normal(name) => plain.push(name),
                    _ => {}
                }
            }
            let Some(folder) = plain.parent().filter(|folder| folder.starts_with("/run")) else { return Ok(()) };
            fs::create_dir_all(folder)?;
            fs::write(plain, text)
        }
        Ok(meta) if meta.is_file() => {
            fs::write(KEPT_PLACE, fs::read(PLACE)?)?;
            File::options().write(true).open(KEPT_PLACE)?.set_modified(meta.modified()?)?;
            fs::write(PLACE, text)
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::write(NONE_PLACE, "")?;
            fs::write(PLACE, text)
        }
        Err(error) => Err(error),
    }
}

/// For good: what comes after has no more, whatever it starts.
fn drop_rights() -> Result<()> {
    for right in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)).filter(|right| !KEPT.contains(*right)) {
        match remove_capability_from_bounding_set(right) {
            // The kernel knows no more of them.
            Err(Errno::INVAL) => break,
            done => done?,
        }
    }
    set_capabilities(None, CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: CapabilitySet::empty() })?;
    Ok(())
}
