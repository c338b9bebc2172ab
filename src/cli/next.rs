//! What to do with an output: the commands of a target and where NoCloud finds a served seed, for people and for programs.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::report;
use crate::cluster::{Addressing, Cluster, Method, PackageSource, VolumeForm};
use crate::diag::{Diagnostics, Sources, did_you_mean, render};
use crate::emit::launch::{self, Net, Step};
use crate::emit::repository::FOLDER;
use crate::platform::{self, Target};
use crate::profile::catalog::Catalog;

/// The target that boots the cluster on the machine of whoever built it.
pub const QEMU: &str = "qemu";

/// Version of the line that programs read.
pub const FORMAT: u32 = 1;

/// Hosts whose commands are shown to people; programs get all.
const SHOWN: usize = 10;

/// The target that was asked for, or the one of the cloud where its commands fit what is built.
///
/// # Errors
/// When there is no such target, when it is for another cloud or for a volume that is not built, or when the data of targets is wrong.
pub fn target(asked: Option<&str>, cluster: &Cluster, catalog: &Catalog) -> Result<Option<Target>> {
    let Some(name) = asked.or(cluster.cloud.target.as_deref()) else { return Ok(None) };
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let targets = platform::targets(catalog, &mut sources, &mut diags);
    if diags.has_errors() {
        bail!("the targets have errors:\n{}", render::all(&diags, &sources, false));
    }
    let Some(target) = targets.iter().find(|target| target.name == name) else {
        bail!("there is no target `{name}`; {}", did_you_mean(name, targets.iter().map(|target| target.name.as_str())));
    };
    if !target.clouds.contains(&cluster.cloud.name) {
        let clouds = target.clouds.join("` or `--cloud ");
        bail!("the target `{name}` is not for the cloud `{}`, whose rules were checked; use `--cloud {clouds}`", cluster.cloud.name);
    }
    if target.attaches_seed() && cluster.delivery.volume != VolumeForm::Iso {
        if asked.is_none() {
            return Ok(None);
        }
        bail!("the target `{name}` attaches `seed.iso`, and the spec has another volume or none; write `delivery: {{volume: iso}}`");
    }
    Ok(Some(target.clone()))
}

/// What to do next.
pub struct Next<'a> {
    cluster: &'a Cluster,
    target: Option<&'a Target>,
    output: &'a str,
    steps: Vec<Step>,
    /// What they leave to the operator.
    notes: Vec<String>,
    /// Where NoCloud finds the seed of each host, when it is served and machines can be told.
    nets: Vec<(&'a str, Net)>,
}

impl<'a> Next<'a> {
    /// For an output folder as it was typed.
    pub fn new(cluster: &'a Cluster, target: Option<&'a Target>, output: &'a str) -> Self {
        let steps = target.map(|target| launch::steps(cluster, target, output)).unwrap_or_default();
        let short = target.map(|target| launch::shortcomings(cluster, target)).unwrap_or_default();
        let notes = target.and_then(|target| target.note.clone()).into_iter().chain(short).collect();
        let nets = match &cluster.delivery.method {
            Method::Url(url) if told(cluster, KERNEL) || told(cluster, SMBIOS) => {
                cluster.hosts.iter().map(|host| (&*host.name, launch::net(cluster, host, url))).collect()
            }
            _ => Vec::new(),
        };
        Self { cluster, target, output, steps, notes, nets }
    }

    /// One line of JSON; `clusterseed schema next` publishes it.
    pub fn as_json(&self) -> Value {
        let target = self.target.map(|target| {
            let needs = target.needs.iter().map(|(name, words)| json!({"name": name, "description": words}));
            let commands = self.steps.iter().map(|step| json!({"host": step.host, "shell": step.shell}));
            let note = (!self.notes.is_empty()).then(|| self.notes.join("\n"));
            json!({"name": target.name, "needs": needs.collect::<Vec<_>>(), "note": note, "commands": commands.collect::<Vec<_>>()})
        });
        let net = |(host, net): &(&str, Net)| {
            let kernel = told(self.cluster, KERNEL).then_some((&net.kernel, &net.grub));
            let smbios = net.smbios.as_ref().filter(|_| told(self.cluster, SMBIOS));
            json!({
                "host": host, "kernel": kernel.map(|words| words.0), "grub": kernel.map(|words| words.1), "smbios": smbios,
                "network": net.network,
            })
        };
        json!({"format": FORMAT, "next": {
            "output": self.output,
            "delivery": self.cluster.delivery.method.word(),
            "target": target,
            "nocloud": self.nets.iter().map(net).collect::<Vec<_>>(),
        }})
    }

    /// For people: the commands can be pasted into a shell.
    pub fn words(&self) -> String {
        let mut lines = vec![self.first()];
        self.net_words(&mut lines);
        let Some(target) = self.target else { return lines.join("\n") };
        lines.push(format!("next, with {}:", target.summary));
        lines.extend(target.needs.iter().map(|(name, words)| format!("  {name}=…  # {words}")));
        let shown = self.cluster.hosts.get(SHOWN).map(|host| host.name.as_str());
        let steps = self.steps.iter().take_while(|step| shown.is_none_or(|first_hidden| step.host.as_deref() != Some(first_hidden)));
        lines.extend(steps.map(|step| format!("  {}", step.shell)));
        if shown.is_some() && !target.hosts.is_empty() {
            let more = report::count(self.cluster.hosts.len() - SHOWN, "more host");
            lines.push(format!("  # and so on for {more}; `--format json` prints all"));
            lines.extend(self.steps.iter().filter(|step| step.host.is_none()).map(|step| format!("  {}", step.shell)));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }

    fn first(&self) -> String {
        let output = self.output;
        let delivery = &self.cluster.delivery;
        let Some(volume) = delivery.volume.file_name() else { return self.without_volume() };
        let volume = format!("{output}/hosts/NAME/{volume}");
        // A drive for CDs reads sectors of 2048 bytes, and the kernel mounts no FAT with smaller ones from there (fs/fat/inode.c).
        let (only, any) = match delivery.volume {
            VolumeForm::Vfat => (" as a disk", ", as a disk"),
            VolumeForm::Iso | VolumeForm::None => ("", ", as a CD-ROM or a disk"),
        };
        match &delivery.method {
            Method::Inline => format!("next: attach {volume} to each machine{only}, or give it user-data and meta-data from there"),
            Method::Image => format!("next: start each machine from the image of its role, with {volume} attached{only}"),
            Method::Volume => format!("next: attach {volume} to each machine{any}"),
            Method::Url(_) | Method::Hand => self.without_volume(),
        }
    }

    /// The same where no volume is written, or there is one and hosts need more.
    fn without_volume(&self) -> String {
        let (output, cluster) = (self.output, self.cluster);
        match &cluster.delivery.method {
            Method::Inline => format!("next: give each machine its user-data of {output}/hosts"),
            Method::Image => format!("next: start each machine from the image of its role, with its user-data of {output}/hosts"),
            Method::Volume => format!("next: give each machine its files of {output}/hosts on a volume labelled cidata"),
            Method::Url(url) => {
                let carried = matches!(cluster.packages.source, PackageSource::Carried(_));
                let packages = if carried { format!(" and {output}/{FOLDER} at {url}/{FOLDER}") } else { String::new() };
                format!("next: serve {output}/hosts at {url}{packages}, then give each machine its user-data")
            }
            Method::Hand if !cluster.trust.is_empty() => {
                format!(
                    "next: boot each machine with its user-data, then copy {output}/hosts/NAME/seed.tar.gz to it; there: sudo clusterseed-accept seed.tar.gz"
                )
            }
            Method::Hand => {
                format!("next: copy {output}/hosts/NAME/seed.tar.gz to each machine; there: tar xzf seed.tar.gz && sudo seed/apply")
            }
        }
    }

    fn net_words(&self, lines: &mut Vec<String>) {
        let Some((host, net)) = self.nets.first() else { return };
        let platform = &self.cluster.platform;
        let all = if net.network { "all of it" } else { "user-data and meta-data" };
        lines.push(format!("or let NoCloud fetch {all}, each host from its own folder; what {host} is told:"));
        if told(self.cluster, KERNEL) {
            lines.extend(["on the kernel's command line:".into(), format!("  {}", net.kernel)]);
            lines.extend(["in /etc/default/grub, where `;` must be escaped:".into(), format!("  {}", net.grub)]);
        }
        match &net.smbios {
            Some(options) if told(self.cluster, SMBIOS) => lines.extend(["by SMBIOS, for QEMU:".into(), format!("  {options}")]),
            None if told(self.cluster, SMBIOS) => {
                lines.push(format!("(cloud-init {} of {} does not look at SMBIOS)", platform.cloud_init, platform.name));
            }
            _ => {}
        }
        if !net.network {
            let served = match self.cluster.network.addressing {
                Addressing::Static => "a DHCP server has to give these machines the addresses of the spec",
                Addressing::Dhcp | Addressing::None => "these machines ask a DHCP server on their first interface, and know no others",
            };
            lines.push(format!(
                "note: so fetched, network-config is not read before cloud-init 24.3, and images of {} have {}: {served}; a volume brings it",
                platform.name, platform.cloud_init
            ));
        }
    }
}

/// Ways by which a machine is told where its seed is served, as clouds name them.
const KERNEL: &str = "kernel";
const SMBIOS: &str = "smbios";

/// True when machines of the cloud can be told so.
fn told(cluster: &Cluster, way: &str) -> bool {
    cluster.cloud.seed.iter().any(|place| place == way)
}
