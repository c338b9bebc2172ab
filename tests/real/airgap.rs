//! Packages that travel with the seed, taken by the real apt of Debian 11, 12 and 13 on hosts that have no way out: `apply` in a
//! root of each, where every packet that wanted to leave would be counted; and the same repository by `apt-get` with no options.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::lab::Lab;
use crate::repository::Project;
use crate::support::texts;

/// In namespaces of its own: names, network, processes and mounts. All packets to elsewhere would go out of `way`, which leads nowhere.
const HOST: &str = r#"set -eu
    home=$1 tree=$2 seed=$3 packages=$4 set=$5 script=$6
    mkdir -p "$home/upper" "$home/work" "$home/host"
    mount -t overlay overlay -o "lowerdir=$tree,upperdir=$home/upper,workdir=$home/work" "$home/host"
    cd "$home/host"
    mount -t proc proc proc; mount -t tmpfs tmpfs run; mount --rbind /dev dev
    mkdir -p run/systemd/system root/seed root/packages
    tar -xzf "$seed" -C root/seed
    cp -R "$packages/." root/packages
    hostname server1
    ip link set lo up
    sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip link add way type veth peer name end; ip addr add 203.0.113.1/24 dev way
    ip link set end up; ip link set way up arp off
    ip route add default dev way
    sent() { cat /sys/class/net/way/statistics/tx_packets; }
    mount -t sysfs sysfs /sys
    before=$(sent)
    printf '%s\n' "$script" >root/script
    chroot . sh /root/script "$set" || exit
    echo "packets that tried to leave: $(($(sent) - before))"
"#;

/// What happens on the host: the whole of `apply` twice, and what it leaves.
const APPLY: &str = r#"set -eu
    # A release that the host prefers, and that the repository of the seed is none of: apt would refuse everything.
    echo 'APT::Default-Release "nosuch";' >/etc/apt/apt.conf.d/99release
    sh /root/seed/seed/apply >/root/said 2>&1 || { cat /root/said /var/log/clusterseed.log; exit 1; }
    sh /var/lib/clusterseed/seed/apply --check
    dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' basis server tool
    ls /etc/apt/sources.list /etc/apt/sources.list.disabled 2>&1 || :
    grep -E ' (W|E): |^(W|E): ' /var/log/clusterseed.log || :
"#;

/// The repository as any machine may use it: one line of sources.list, and no option.
const APT: &str = r#"set -eu
    rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
    echo "deb [signed-by=/srv/packages/key.gpg] file:/srv/packages $1/" >/etc/apt/sources.list
    mkdir -p /srv/packages && cp -R /root/packages/. /srv/packages
    apt-get -q update 2>&1
    apt-get -qy install server >/dev/null 2>&1
    apt-get -qy remove server >/dev/null 2>&1
    dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' basis tool
    # Whoever changes a byte of what is signed gets nothing in.
    sed -i 's/^SHA256: ./SHA256: 0/' /srv/packages/$1/Packages
    rm -rf /srv/packages/$1/by-hash /srv/packages/$1/Packages.gz /var/lib/apt/lists/*
    apt-get -q update >/dev/null 2>&1 && echo "a foreign index was taken"
    cp -R /root/packages/. /srv/packages
    sed -i 's/^Label: small/Label: large/' /srv/packages/$1/InRelease
    rm -rf /var/lib/apt/lists/*
    apt-get -q update >/dev/null 2>&1 && echo "a foreign Release was taken"
    cp -R /root/packages/. /srv/packages
    apt-get -q update >/dev/null
    printf x >>"$(ls /srv/packages/pool/server_*)"
    apt-get clean
    apt-get -qy install server >/dev/null 2>&1 && echo "a foreign package was taken"
    :
"#;

fn host(home: &Path, tree: &Path, project: &Project, script: &str) -> String {
    let out = project.folder.path().join("out-hand");
    let packages = out.join("packages");
    let sets = project.sets(&packages).into_iter();
    let set = sets.max_by_key(|set| fs::metadata(packages.join(set).join("Packages")).expect("an index").len()).expect("a set");
    let mut command = Command::new("unshare");
    command.args(["--net", "--uts", "--mount", "--pid", "--fork", "sh", "-c", HOST, "sh"]);
    command.arg(home).arg(tree).arg(out.join("hosts/server1/seed.tar.gz")).arg(&packages).arg(set).arg(script);
    let (said, errors) = texts(&command.output().expect("unshare"));
    fs::remove_dir_all(home).expect("the folder of a host is removed");
    said + &errors
}

#[test]
#[ignore = "needs root: runs the real apt of three releases; run with --ignored"]
fn airgap() {
    for (suite, platform) in [("bullseye", "debian-11"), ("bookworm", "debian-12"), ("trixie", "debian-13")] {
        let Some(lab) = Lab::begin_on(suite, "host0", "airgap") else { return };
        let project = Project::on(platform);
        project.build("hand");
        let said = host(&lab.home.join("apply"), lab.tree(), &project, APPLY);
        let wanted = "this host is what its seed says\nbasis 2:1.0 installed\nserver 1:1.0-1+x~y installed\ntool 2.0 installed\n";
        assert!(said.starts_with(wanted), "{suite}: {said}");
        assert!(
            said.contains("\n/etc/apt/sources.list.disabled\n") && said.contains("packets that tried to leave: 0\n"),
            "{suite}: {said}"
        );
        assert!(!said.contains("W: ") && !said.contains("E: "), "{suite}: {said}");
        lab.say(&format!("{suite}: applied with packages from the seed, no packet tried to leave"));

        let said = host(&lab.home.join("apt"), lab.tree(), &project, APT);
        let wanted = "basis 2:1.0 installed\ntool 2.0 installed\n";
        assert!(said.contains(wanted) && !said.contains(" was taken"), "{suite}: {said}");
        assert!(!said.contains("W: ") && !said.contains("E: "), "{suite}: {said}");
        lab.say(&format!("{suite}: apt takes the repository as it is, and nothing that was changed"));
    }
}
