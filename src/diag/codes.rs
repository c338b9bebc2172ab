//! Every code of our own, sorted: the list behind `explain`, behind `allow`, and behind the test that each has a failing case.
//! Codes of profile rules are `PROFILE/CODE` and stand in the profile.

/// A code and its long text.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// As printed.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Why it matters and how to mend it.
    pub explain: &'static str,
}

macro_rules! codes {
    ($($constant:ident $name:literal $summary:literal $explain:literal)*) => {
        $(#[doc = $summary] pub const $constant: &str = $name;)*
        /// All of them, sorted by name.
        pub const ALL: &[Code] = &[$(Code { name: $name, summary: $summary, explain: $explain }),*];
    };
}

codes! {
    ADDRESS_DUPLICATE "address-duplicate" "two hosts have the same address"
        "Two machines with one address answer in turns: connections break at random, and each looks healthy by itself. Ranges take \
         consecutive addresses from their first one on, so a range may run into a host that is written out further down."
    ADDRESS_OUTSIDE "address-outside-subnet" "a host's address lies outside network.subnet"
        "Hosts of a cluster talk to each other directly. An address outside the subnet is nearly always a slip of the pen, such as \
         192.168.2.1 for 192.0.2.1, and a cluster built with both never elects a leader. Correct the address, or widen the subnet."
    ADDRESS_RESERVED "address-reserved" "a host has the network's, the broadcast or the gateway's address"
        "The first and the last address of a subnet are not for hosts, and the gateway has its own already. Use another one."
    BASE_CONFLICT "base-conflict" "packages of the base are in the way"
        "What hosts want goes with the base only if packages that the image already has are removed. That is refused: an image whose own \
         packages vanish on first boot is not the image that was tested."
    BOND "bond" "a bond that cannot be made"
        "A bond is one or more physical interfaces used as one. A member belongs to one bond, and has no address, route or MTU of its own: \
         the bond has them. `primary` names a member, for the modes active-backup, balance-tlb and balance-alb; `lacp_rate` belongs to \
         802.3ad; `xmit_hash_policy` to balance-xor, balance-tlb and 802.3ad (kernel, bonding.rst)."
    DELIVERY_CARRIED "delivery-carried" "packages cannot be carried this way"
        "Clouds take some thousand bytes of user-data, and packages have some hundred million. `volume` puts them onto the seed volume, `url` \
         lets each host fetch them from a static server of yours, `hand` packs them into seed.tar.gz. With `image` hosts have them from \
         a golden image that `bake` made of the same lock; all hosts of a role share one, so they want the same versions."
    DELIVERY_COMPRESS "delivery-compress" "compressed user-data for a cloud that takes none"
        "cloud-init unpacks gzip by itself, but it must reach it unharmed: `encodings` in `profiles/clouds.yaml` says which forms a cloud \
         hands on as they are."
    DELIVERY_URL "delivery-url" "delivery and its url do not fit together"
        "`method: url` lets every host fetch seed.tar.gz over HTTP; it needs the URL below which the folder `out/hosts` is served. \
         Other methods fetch nothing, so a url there is a sign that something else was meant."
    DELIVERY_VOLUME "delivery-volume" "a seed volume where the cloud takes none"
        "`delivery: volume` puts the seed on a volume that is attached before the first boot. Clouds that hand user-data to an image of \
         theirs attach none, so the host would wait for it and give up. Use `inline` where it fits, or `url`. For the same reason \
         `volume: iso` and `volume: vfat` make no sense there, nor with `hand`, which needs no volume."
    DURATION "duration-unit" "a duration lacks its unit or has an unknown one"
        "The daemons read durations as a number and one of ns, us, ms, secs, mins, hrs, days, weeks. `5m` or a bare 300 makes them \
         exit at start, again and again until the init system gives up."
    FILE_CONFLICT "file-conflict" "a file of yours is already written by the profile"
        "Each file has one owner. What the profile writes can be changed through `settings`; a second version of the same file would \
         make the result depend on order."
    FILE_CONTENT "file-content" "a file has both content and source, or neither"
        "`content` holds the text in the spec, `source` names a local file. One of them is needed."
    FILE_DUPLICATE "file-duplicate" "one path is described twice for the same host"
        "The later entry would silently win. Keep one, or limit each with `roles` or `hosts`."
    FILE_MISSING "file-missing" "a local file that the spec names cannot be read"
        "Paths in a spec are relative to the spec. The file is missing, is a folder, or may not be read by you."
    FILE_PLACE "file-place" "a file lies where nobody may put one"
        "Kernel file systems vanish at reboot; the folders of cloud-init and clusterseed hold the state that makes first boot safe to repeat. \
         Other files have a place of their own in the spec, where they are checked: accounts (`access.users`), the network (`network`), and \
         daemon flags (`settings`): in folders where every file becomes a flag, even a leftover like `x.bak` keeps a daemon from starting."
    FILE_SECRET "file-secret" "a file that others can read, and should not"
        "A file of yours is a secret when it says `secret: true` or has a `mode` that lets others not read it: then every output that holds it \
         has mode 0600, no message and no `diff` shows it. A private key in any other file would be readable for everybody, on the \
         builder's machine, on the target and on the way. Write `secret: true`; for a key that everybody may have, `secret: false`."
    FLAG_RESERVED "flag-reserved" "a daemon flag is already set by the profile or the package"
        "The start scripts of the packages pass some flags themselves, and the profile derives others from the spec. A flag given twice \
         kills the daemon at start, so each has exactly one place; the help line names it."
    GATEWAY_SEVERAL "gateway-several" "more than one default gateway"
        "A host has one default route. With two, which of them is taken depends on the order in which interfaces come up, and answers leave \
         by another interface than their questions came in. Keep one gateway and write `routes` for the rest. A DHCP server may name a \
         gateway too; let it not, or allow the warning when you know that it does not."
    GATEWAY_UNUSABLE "gateway-unusable" "the gateway is not a host address of the subnet"
        "A gateway is reached without a gateway, so it must lie inside the subnet and be neither its first nor its last address."
    HOST_DUPLICATE "host-duplicate" "two hosts have the same name"
        "The name is the host's identity: its folder in the output, its instance id, its entry in /etc/hosts."
    HOST_ID_DUPLICATE "host-id-duplicate" "two hosts of a role have the same id"
        "Members of an ensemble know each other by id. With two alike, one of them is ignored and the ensemble may never form."
    HOST_ID_MISSING "host-id-missing" "a host needs an id and none can be found"
        "Roles such as a ZooKeeper member need a number that a host keeps for life. It is the `id` of the host, or else the number that \
         ends its name; it is never its position in the file, because that moves when hosts are added."
    HOST_ID_RANGE "host-id-range" "an id is out of the role's range"
        "ZooKeeper's documentation allows 1 to 255; larger ids are not checked by the server and fail in ways that take long to find."
    HOST_NAME "host-name" "a name that no host can have"
        "Host names hold lower-case letters, digits and dashes (RFC 1123), without the domain. Tools compare names byte by byte, and the \
         `hostname` command refuses the rest."
    HOST_RANGE "host-range" "a range of hosts that cannot be expanded"
        "`slave[1-300]` stands for three hundred hosts with consecutive numbers and addresses. The first number must not be greater than \
         the last, leading zeros give the width, and addresses must not run past the end."
    INSTANCE_ID_IGNORED "instance-id-ignored" "a policy for instance ids on a cloud that gives its own"
        "cloud-init runs first boot once for each instance id. NoCloud takes the id from our meta-data; EC2, OpenStack and their like give \
         every machine one of their own and never look at it, so that nothing but a new machine runs first boot."
    INTERFACE_ADDRESSING "interface-addressing" "fields of an interface that do not fit how it gets its address"
        "A static interface needs the subnet of its addresses; one that asks a server, or has no address, can have neither subnet nor \
         gateway. The address on the cluster's interface is the host's own. With `addressing: none` in `network`, the image or the cloud \
         sets up the network: nothing that describes an interface would have an effect."
    INTERFACE_DUPLICATE "interface-duplicate" "an interface is described twice"
        "The fields of `network` itself describe the cluster's interface; every other interface has one entry in `network.interfaces`."
    INTERFACE_MAC "interface-mac" "an interface cannot be found by its hardware address here"
        "Where ifupdown's own file is written (Ubuntu 14.04), interfaces have names only: that file cannot find one by its address, and a \
         udev rule that a seed brings comes too late to rename an interface in the first boot. Use the names that the image gives, or fix \
         them in the image. A bond or a VLAN is made on the host and has no address to be found by."
    INTERFACE_NAME "interface-name" "the image calls no network card so"
        "Most systems since 2016 name a card after its place, such as ens3 or enp1s0, and the network of a name that no card has is not set \
         up: the machine boots without any. An interface whose hosts have a `mac` gets its name whatever the image calls the card; the \
         commands that a build prints for libvirt, Proxmox and QEMU make cards with those addresses. Ubuntu 14.04 calls its cards eth0, eth1."
    INTERFACE_PACKAGE "interface-package" "the image must hold a package before the network can come up so"
        "ifupdown leaves bonds and VLANs to the packages ifenslave and vlan, and what cloud-init writes for it sets routes with net-tools, \
         without a word when that is not there. A seed cannot install packages before the network is up: bake them into the image; then \
         allow the warning."
    INVALID_VALUE "invalid-value" "a value has the right type but cannot be right"
        "The help line says what is allowed. What would be refused or, worse, misread by a target is refused here."
    KEY_FINGERPRINT "key-fingerprint" "a public key and its pinned fingerprint do not agree"
        "Packages are trusted because this key signs their list. A short key id can be forged in seconds, so the full fingerprint is pinned \
         and compared at every build. If they differ, find out why before any host trusts the key."
    KEY_WEAK "key-weak" "a key that is too short to vouch for anything"
        "RSA and DSA keys of 1024 bits are within reach of those who can pay, and whoever finds one can sign packages in its name. gpgv \
         still takes them, so they are refused here: 2048 bits are the least."
    LOCK_BROKEN "lock-broken" "cluster.lock contradicts itself"
        "`clusterseed lock` writes cluster.lock whole, and nothing else changes it. One that names sources or sets that it does not list, \
         or one package twice, was edited or merged by hand: take it from version control, or write it again."
    LOCK_MISSING "lock-missing" "carried packages without cluster.lock"
        "Which packages travel is decided once, by `clusterseed lock`, and kept in cluster.lock beside the spec, so that a build needs no \
         network and gives the same tomorrow. `build`, `plan` and `render` read it and never resolve anything themselves."
    LOCK_STALE "lock-stale" "cluster.lock was made for another spec"
        "The lock holds what was asked when it was made: sources, base, and what each kind of host wants. The spec now asks for something \
         else, so the packages may not be those that it means. `clusterseed lock` answers again, and changes as little as it can."
    MAC_DUPLICATE "mac-duplicate" "two interfaces have the same hardware address"
        "A switch delivers frames for an address to one port, and each host takes the interface that has it: of two hosts with one address \
         at most one is meant. Ranges take consecutive addresses from their first one on."
    MIRROR "mirror" "the package source and its mirror do not fit together"
        "`source: mirror` needs `mirror: URL`; `key` and `fingerprint` belong to a mirror that signs with a key of its own."
    MIRROR_HTTPS "mirror-https" "a mirror over https where apt alone takes none"
        "Before version 1.5, apt leaves https to the package apt-transport-https, which many images have and minimal ones do not. It cannot \
         be installed from the mirror that needs it: bake it into the image. Packages are as safe over http, since the key that signs their \
         list is pinned; https hides which ones are fetched."
    MISSING_FIELD "missing-field" "a field that must be there is not"
        "The help line says what it is for. `clusterseed schema` prints the whole format, `clusterseed init` an example of it."
    MTU_DHCP "mtu-dhcp" "an MTU that the platform ignores where a server gives the address"
        "Where ifupdown brings up what cloud-init wrote (Ubuntu 16.04, Debian 11), its method for DHCP takes no MTU. The server can give one \
         with the address (option 26, interface-mtu); static addresses take one too."
    MTU_LINK "mtu-link" "a VLAN with longer packets than the interface that carries it"
        "The kernel refuses an MTU above that of the interface below. Set the larger MTU on that one too; its default is mostly 1500."
    MTU_LOW "mtu-low" "an MTU below what every IPv4 host must take"
        "Hosts need not take packets in pieces of more than 576 bytes, and expect links that carry that much (RFC 791). A smaller MTU is \
         hardly ever meant, and slow."
    NAMESERVER "nameserver-unusable" "no host can have the address of a name server"
        "0.0.0.0, groups (224.0.0.0 and up) and the first and last address of a subnet belong to no server. The resolver would wait five \
         seconds for each question to it, or never get an answer."
    NAMESERVERS "nameservers-many" "more name servers than a resolver asks"
        "The resolver of glibc reads three and ignores the rest (resolv.conf(5))."
    NETWORK_UNREAD "network-unread" "a part of the network that nobody reads"
        "Clouds that take no seed volume set up their machines themselves, and cloud-init asks them, not the network-config beside the \
         user-data. With `addressing: dhcp`, gateway and name servers are those of the server that gives the addresses. Subnet and addresses \
         are still what the cluster's own files are made of, so keep them, and have the rest set up where it counts."
    PACKAGE_NOT_STORED "package-not-stored" "a package that is carried is not in the store"
        "A build downloads nothing: it takes packages from the store of your machine, by the digests of cluster.lock. `clusterseed fetch` \
         brings those that are missing, from the sources of the lock or from a folder of yours (`--from DIR`)."
    PACKAGE_UNAVAILABLE "package-unavailable" "no source offers what a host wants"
        "`clusterseed lock` looks for packages that fulfil every dependency of what is wanted, of a base and of each other, as apt does without \
         recommends. Here there are none: the message names the shortest chain from what is wanted to what is missing or in the way. Add a \
         source, pin another version, or take another base."
    PACKAGES_FROM "packages-from" "what is said of carried packages does not fit together"
        "With `source: carried`, `from` lists where packages come from, in order of preference: apt repositories, as `{name: debian, url: \
         http://deb.debian.org/debian, suites: [bookworm], components: [main], key: debian.asc, fingerprints: [\"…\"]}`; repositories \
         without suites, with `suites: [\"./\"]` and no components; and folders of .deb files, as `{name: debs, folder: debs}`. Each has a \
         name of its own. `base` and `sources_list` belong to `source: carried` too."
    PASSWORD_FOREIGN "password-foreign" "a password hash that the platform cannot check"
        "`mkpasswd` of newer systems prints yescrypt hashes (`$y$`) unless it is told otherwise, and older C libraries know none but MD5 and \
         SHA-2: the account would be there, and no password would fit. `mkpasswd -m sha-512` makes a hash that every platform takes."
    PASSWORD_PLAIN "password-plain" "a password that is not hashed"
        "Only hashes travel. A password in clear text would be in the output, on every host, in logs and in backups. `mkpasswd -m sha-512` \
         makes a hash; the typed value is not repeated in the message."
    PASSWORD_WEAK "password-weak" "a password hash that is easily broken"
        "MD5-crypt falls to one graphics card in minutes. `mkpasswd -m sha-512` makes a hash that 14.04 understands as well."
    PLATFORM_UNSUPPORTED "platform-unsupported" "the profile is not known to be sound on the platform"
        "Paths, init system and package names differ between systems. A profile lists the platforms where its result was checked."
    PORT_CLASH "port-clash" "two services of a host listen on the same port"
        "The second one to start dies with an address already in use, and which one that is changes from boot to boot."
    PORT_IN_RANGE "port-in-range" "a service's port lies in a range that is handed to others"
        "A slave offers its port range to tasks. When one takes the port of a service, that service cannot restart any more."
    PROFILE "profile-mistake" "something in a profile, platform or table of flags is wrong"
        "The place is in the profile's own file. `profiles/README.md` is the contract; `clusterseed profile export` gives a sound one to \
         compare with."
    ROLE_COUNT "role-count" "too few or too many hosts of a role"
        "A profile knows how many hosts of a role make a working cluster; the help line says why."
    ROLE_EVEN "role-even" "an even number of hosts where it must be odd"
        "Four masters tolerate one failure as three do, but need three to agree instead of two; and Mesos' replicated log waits for \
         2 × quorum − 1 replicas on first boot, so an even cluster never forms at all. Use one more or one less."
    ROUTE_DUPLICATE "route-duplicate" "two routes to one network"
        "The kernel refuses the second one, and the interface that brings it counts as failed. Give them different metrics, or keep one."
    ROUTE_HOST "route-host" "a route to one host where the platform sets only routes to networks"
        "What cloud-init writes for ifupdown (Ubuntu 16.04, Debian 11) is `route add -net 10.1.2.3/32 …`, which net-tools refuses, and the \
         failure is ignored: the route is missing without a word. A network of two addresses works."
    ROUTE_UNREACHABLE "route-unreachable" "the next hop of a route is not on the interface's subnet"
        "A next hop is reached directly, so it is a host address of the subnet of that interface. Otherwise the kernel refuses the route with \
         \"network is unreachable\". A host that is itself the next hop does not get the route."
    SEARCH "search-domains" "more search domains than a resolver takes"
        "Resolvers before glibc 2.26 read six domains with 256 characters in all and drop the rest silently (resolv.conf(5))."
    SECRET_FILE "secret-file" "the file of a secret cannot be used"
        "A secret is one line of printable ASCII in a file of its own; the newline at its end does not belong to it."
    SECRET_IN_SPEC "secret-in-spec" "a secret stands in the spec itself"
        "Specs live in version control and in mails. Put the secret into a file that only you can read, and name it: `secret: {file: path}`. \
         What commands and apps hold is readable in the output and on hosts, too: bring the secret as a file of yours with `secret: true`, \
         and let the command read it there. Whether text is a secret is a guess; `allow` the warning where it is none."
    SERVER_UNREACHABLE "server-unreachable" "hosts have no way to a server that they fetch from"
        "With static addresses, hosts know what the spec tells them: without `nameservers` no name leads anywhere, and without `gateway` or \
         `routes` nothing beyond their subnets is reached. First boot then fails when it fetches its seed or installs packages. Allow the \
         warning where the image knows the way, such as a name in its /etc/hosts. Packages that are carried need none."
    SETTING_CONFLICT "setting-conflict" "two roles of a host set the same thing differently"
        "A host with two roles gets the settings of both. Where they disagree, set the value for the host itself."
    SETTING_NO_EFFECT "setting-no-effect" "a setting for hosts that it does not concern"
        "A section of settings that is named as a role is about hosts of that role. Set for a host or a role without it, nobody reads it: \
         mostly another host was meant, or a role is missing."
    SETTING_REQUIRED "setting-required" "the profile needs a setting that nobody gave"
        "Some things have no sound default. The help line says what it is."
    SETTING_SCOPE "setting-scope" "a setting that must be equal everywhere is set for a part"
        "Ports and paths that hosts use to find each other must agree, or the cluster falls apart into pieces that each look well."
    SOURCE_UNSIGNED "source-unsigned" "nothing vouches for a package source"
        "Whoever can write to a repository, or stands on the way to it, can put any program on every host. What vouches for it is a \
         signature by a key whose fingerprint you compared: `key` and `fingerprints`. Repositories of your own on the same disk may do \
         without; then say so with `unsigned: true`, so that it is a decision and no oversight."
    SPEC_VERSION "spec-version" "a version of the spec's format that is not known"
        "The first line of a spec says which format it has: `version: 1`."
    SSH_KEY "ssh-key" "not a public SSH key"
        "A public key is one line: type, base64, comment, as in the `.pub` file. A broken line locks its owner out without a word."
    SSH_KEY_PRIVATE "ssh-key-private" "a private key where a public one belongs"
        "A private key in a spec ends up on every host. Use the `.pub` file, and replace the key if the spec was already shared."
    SUBNET_LINK_LOCAL "subnet-link-local" "a subnet of link-local addresses"
        "169.254.0.0/16 is for machines that find themselves an address (RFC 3927): no router passes it on, any of them may take one of \
         yours, and clouds answer at 169.254.169.254. Choose a private network such as 10.0.0.0/8, unless the machines share one cable only."
    SUBNET_OVERLAP "subnet-overlap" "subnets of two interfaces overlap"
        "Addresses in both are reached through one of the interfaces, and which one depends on the order in which they come up."
    TEXT_BOM "text-bom" "the file begins with a byte order mark"
        "It is skipped here. cloud-init ignores a whole user-data that begins with one, so it is better not to have any around."
    TEXT_CRLF "text-crlf" "lines end in CR LF"
        "YAML reads them as LF, so nothing breaks here; scripts that are copied verbatim would."
    TEXT_NOT_UTF8 "text-not-utf8" "the file is not UTF-8"
        "Save it as UTF-8. UTF-16, which some Windows editors write, is not read."
    TEXT_TOO_LARGE "text-too-large" "the file is larger than a spec can be"
        "16 MiB hold a hundred thousand hosts written one by one. A larger file is no spec."
    TRUST_FINGERPRINTS "trust-fingerprints" "the keys that may sign seeds are not named as they must be"
        "`trust: {fingerprints: [\"…\"]}` pins keys on every host: it takes a new seed only when one of them has signed it, and nothing makes \
         it take another one but root's own hand. So a list that is empty would lock everybody out, and a key that stands twice is a sign \
         that another was meant. `clusterseed key SPEC` prints the fingerprint of the key that signs, and makes that key where there is \
         none. To replace a key, name both, bring every host a seed that the old one has signed, then sign with the new one and drop the old."
    UNKNOWN_CLOUD "unknown-cloud" "no such cloud"
        "Clouds are data in `profiles/clouds.yaml`: what their user-data may hold, in which form, and who names the instances."
    UNKNOWN_CODE "unknown-code" "`allow` names a code that does not exist"
        "A mistyped code would leave the warning on, or hide a future one. `clusterseed explain` lists all codes."
    UNKNOWN_FIELD "unknown-field" "a field that nobody reads"
        "A mistyped field that is silently ignored is how a cluster comes up with defaults. `clusterseed schema` prints all fields."
    UNKNOWN_FLAG "unknown-flag" "a daemon flag that the chosen version does not have"
        "A daemon that meets an unknown flag exits at start; the init system tries ten times within seconds and gives up. Flags come and \
         go between versions, so they are checked against the version that will be installed."
    UNKNOWN_HOST "unknown-host" "a host that is not in the spec"
        "Names of hosts are checked wherever they are used."
    UNKNOWN_INTERFACE "unknown-interface" "no such interface"
        "Members of bonds, links of VLANs and what hosts say of their interfaces are named as in `network`: `interface`, or an entry of \
         `interfaces`. An interface without an address is listed by its name alone."
    UNKNOWN_PACKAGE "unknown-package" "a package that the profile does not pin"
        "`packages.versions` pins the packages that the profile lists; others come from the distribution as their dependencies ask."
    UNKNOWN_PACKAGE_SET "unknown-package-set" "no such package set"
        "`clusterseed profile show NAME` lists the package sets of a profile."
    UNKNOWN_PLATFORM "unknown-platform" "no such platform"
        "`clusterseed profile list` names the platforms. More can be laid over with `--profile-dir`."
    UNKNOWN_PROFILE "unknown-profile" "no such profile"
        "`clusterseed profile list` names the profiles. More can be laid over with `--profile-dir`."
    UNKNOWN_ROLE "unknown-role" "no such role"
        "Roles are what a profile makes hosts into; `clusterseed profile show NAME` lists them."
    UNKNOWN_SETTING "unknown-setting" "a setting that the profile does not have"
        "A mistyped setting would leave its default in force without a word. `clusterseed profile show NAME` lists all settings."
    USER_DATA_SIZE "user-data-size" "user-data is larger than the cloud takes"
        "Clouds cut or refuse user-data over their limit, and a cut one is not valid YAML: the machine boots without any configuration and \
         without an error. The help lines say which file is largest and which delivery fits."
    USER_DUPLICATE "user-duplicate" "a user is described twice"
        "Which of the two would win depends on the order in which Python's dictionaries happen to be."
    USER_NO_LOGIN "user-no-login" "a user that nobody can log in as"
        "Without a key and without a password hash the account exists, and that is all."
    USER_RESERVED "user-reserved" "a user name that is not yours to describe"
        "root and the image's default user stay as the image has them. Describe a user of your own, with `sudo: true` where needed."
    VERSION_OPEN "version-open" "a package without a pinned version"
        "Hosts that are installed on different days may get different versions, and flags cannot be checked against one."
    VLAN "vlan" "a VLAN that cannot be made"
        "A VLAN lies on a physical interface or a bond, and its name tells so: LINK.ID or vlanID, which is also the only form from which \
         ifupdown makes one. A bond that carries VLANs is an interface of its own."
    WRONG_TYPE "wrong-type" "a value of another type than expected"
        "YAML decides types by how a value looks: `yes`, `1.10` and `012` are not text unless they are quoted. The help line says what to write."
    YAML_DOCUMENTS "yaml-documents" "more than one YAML document"
        "One file describes one cluster. Remove the `---` line and what follows it."
    YAML_DUPLICATE_KEY "yaml-duplicate-key" "a key stands twice in one mapping"
        "Most YAML readers take the last one silently, so half of what was written has no effect."
    YAML_EMPTY "yaml-empty" "the file holds nothing"
        "`clusterseed init` writes a spec to start from."
    YAML_LIMIT "yaml-limit" "nested, repeated or aliased beyond all reason"
        "Depth, size and the growth through aliases are limited, so that no file can make the program run out of time or memory."
    YAML_SYNTAX "yaml-syntax" "not YAML"
        "The caret shows where the reader lost its way; the cause is often on the line before: a missing colon, quote or bracket, or a tab."
}

/// A code by name.
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn sorted_and_told() {
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name));
        for code in ALL {
            assert!(code.summary.len() < 80 && code.explain.ends_with('.') && code.explain.len() > 40, "{}", code.name);
        }
    }
}
