//! Examples, for `--help` and the manual page; a test reads each as a command line.

use clap::{Command, CommandFactory, Error, FromArgMatches};

use super::Arguments;

/// Commands, by their words, and what people do with them most.
pub const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "clusterseed init shop",
            "clusterseed check shop/cluster.yaml",
            "clusterseed build shop/cluster.yaml -o out",
            "clusterseed verify out",
        ],
    ),
    ("init", &["clusterseed init shop", "clusterseed init - | clusterseed check -"]),
    ("check", &["clusterseed check cluster.yaml", "clusterseed check cluster.yaml --strict --cloud ec2"]),
    ("explain", &["clusterseed explain role-even"]),
    ("lock", &["clusterseed lock cluster.yaml", "clusterseed lock cluster.yaml --upgrade=mesos"]),
    ("fetch", &["clusterseed fetch cluster.yaml", "clusterseed fetch cluster.yaml --from ~/debs --offline"]),
    ("store prune", &["clusterseed store prune */cluster.lock"]),
    ("build", &["clusterseed build cluster.yaml -o out", "clusterseed build cluster.yaml --target qemu --base trusty.img"]),
    (
        "render",
        &[
            "clusterseed render cluster.yaml master1",
            "clusterseed render cluster.yaml master1 /etc/mesos/zk",
            "clusterseed render cluster.yaml slave1 seed.tar.gz > seed.tar.gz",
        ],
    ),
    ("plan", &["clusterseed plan cluster.yaml", "clusterseed plan cluster.yaml slave1"]),
    ("diff", &["clusterseed diff HEAD~1:cluster.yaml cluster.yaml", "clusterseed diff out cluster.yaml"]),
    ("guide change", &["clusterseed guide change HEAD:cluster.yaml cluster.yaml"]),
    ("report", &["clusterseed report cluster.yaml -o report.html"]),
    ("verify", &["clusterseed verify out", "clusterseed verify out --key key.asc"]),
    ("status", &["clusterseed status cluster.yaml", "clusterseed status cluster.yaml --wait 10mins"]),
    ("bake", &["clusterseed bake cluster.yaml --role slave \\\n    --base debian-12-generic-amd64.qcow2 -o slave.qcow2"]),
    ("image check", &["clusterseed image check slave.qcow2"]),
    ("schema", &["clusterseed schema > cluster.schema.json"]),
    ("completions", &["clusterseed completions bash > /etc/bash_completion.d/clusterseed"]),
    ("man", &["clusterseed man | man -l -"]),
    ("profile show", &["clusterseed profile show mesosphere"]),
    ("profile export", &["clusterseed profile export mesosphere mine"]),
];

/// The command line as clap knows it, with examples in the long help.
pub fn command() -> Command {
    with_examples(Arguments::command(), "")
}

/// Reads the process's own arguments.
///
/// # Errors
/// When they are wrong, and when help or version is asked for.
pub fn parse() -> Result<Arguments, Error> {
    Arguments::from_arg_matches(&command().try_get_matches()?)
}

fn with_examples(mut command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_string()).collect();
    for name in names {
        let below = format!("{path} {name}").trim_start().to_string();
        command = command.mut_subcommand(name, |sub| with_examples(sub, &below));
    }
    let Some((_, lines)) = EXAMPLES.iter().find(|(words, _)| *words == path) else { return command };
    let examples = format!("Examples:\n  {}", lines.join("\n  "));
    let after = command.get_after_help().map(|text| format!("\n\n{text}")).unwrap_or_default();
    command.after_long_help(format!("{examples}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLES, command};

    #[test]
    fn every_example_is_a_command_line() {
        for (words, lines) in EXAMPLES {
            for line in lines.iter().flat_map(|line| line.split(" | ")) {
                let line = line.split(" > ").next().unwrap_or_default().replace("\\\n", " ");
                let typed: Vec<&str> = line.split_whitespace().collect();
                if typed.first() != Some(&"clusterseed") {
                    continue;
                }
                let read = command().try_get_matches_from(&typed);
                assert!(read.is_ok(), "{words}: {line}: {}", read.unwrap_err());
            }
            let shown = lines.iter().all(|line| line.starts_with(format!("clusterseed {words}").trim_end()));
            assert!(shown, "{words}: its examples are of another command");
        }
    }
}
