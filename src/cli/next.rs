//! What to do with an output: the commands of a target and where NoCloud finds a served seed, for people and for programs.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::report;
use crate::cluster::{Cluster, Method, VolumeForm};
use crate::diag::{Diagnostics, Sources, did_you_mean, render};
use crate::emit::launch::{self, Net, Step};
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
    /// Where NoCloud finds the seed of each host, when it is served and machines can be told.
    nets: Vec<(&'a str, Net)>,
}

impl<'a> Next<'a> {
    /// For an output folder as it was typed.
    pub fn new(cluster: &'a Cluster, target: Option<&'a Target>, output: &'a str) -> Self {
        let steps = target.map(|target| launch::steps(cluster, target, output)).unwrap_or_default();
        let told = cluster.cloud.seed.iter().any(|place| matches!(place.as_str(), "kernel" | "smbios"));
        let nets = match &cluster.delivery.method {
            Method::Url(url) if told => cluster.hosts.iter().map(|host| (&*host.name, launch::net(cluster, host, url))).collect(),
            _ => Vec::new(),
        };
        Self { cluster, target, output, steps, nets }
    }

    /// One line of JSON; `clusterseed schema next` publishes it.
    pub fn as_json(&self) -> Value {
        let target = self.target.map(|target| {
            let needs = target.needs.iter().map(|(name, words)| json!({"name": name, "description": words}));
            let commands = self.steps.iter().map(|step| json!({"host": step.host, "shell": step.shell}));
            json!({
                "name": target.name, "needs": needs.collect::<Vec<_>>(), "note": target.note, "commands": commands.collect::<Vec<_>>(),
            })
        });
        let net = |(host, net): &(&str, Net)| json!({"host": host, "kernel": net.kernel, "grub": net.grub, "smbios": net.smbios});
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
        lines.extend(target.note.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }

    fn first(&self) -> String {
        let output = self.output;
        let delivery = &self.cluster.delivery;
        match (&delivery.method, delivery.volume.file_name()) {
            (Method::Inline, None) => format!("next: give each machine its user-data of {output}/hosts"),
            (Method::Inline, Some(volume)) => {
                format!("next: attach {output}/hosts/NAME/{volume} to each machine, or give it user-data and meta-data from there")
            }
            (Method::Image, None) => format!("next: start each machine from the image of its role, with its user-data of {output}/hosts"),
            (Method::Image, Some(volume)) => {
                format!("next: start each machine from the image of its role, with {output}/hosts/NAME/{volume} attached")
            }
            (Method::Volume, None) => format!("next: give each machine its files of {output}/hosts on a volume labelled cidata"),
            (Method::Volume, Some(volume)) => format!("next: attach {output}/hosts/NAME/{volume} to each machine, as a CD-ROM or a disk"),
            (Method::Url(url), _) => format!("next: serve {output}/hosts at {url}, then give each machine its user-data"),
            (Method::Hand, _) if !self.cluster.trust.is_empty() => {
                format!(
                    "next: boot each machine with its user-data, then copy {output}/hosts/NAME/seed.tar.gz to it; there: sudo clusterseed-accept seed.tar.gz"
                )
            }
            (Method::Hand, _) => {
                format!("next: copy {output}/hosts/NAME/seed.tar.gz to each machine; there: tar xzf seed.tar.gz && sudo seed/apply")
            }
        }
    }

    fn net_words(&self, lines: &mut Vec<String>) {
        let Some((host, net)) = self.nets.first() else { return };
        lines.push(format!("or let NoCloud fetch all of it, each host from its own folder; {host}, on the kernel's command line:"));
        lines.push(format!("  {}", net.kernel));
        lines.push("in /etc/default/grub, where `;` must be escaped:".into());
        lines.push(format!("  {}", net.grub));
        let platform = &self.cluster.platform;
        match &net.smbios {
            Some(options) => lines.extend(["or by SMBIOS, for QEMU:".into(), format!("  {options}")]),
            None => lines.push(format!("(cloud-init {} of {} does not look at SMBIOS)", platform.cloud_init, platform.name)),
        }
    }
}
