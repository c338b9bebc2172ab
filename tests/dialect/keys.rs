//! The top-level keys of cloud-config that cloud-init 0.7.5 acts upon, and those of later versions that it passes over or
//! misreads. Read from the modules of tag 0.7.5 (`cloudinit/config/cc_*.py`).

/// Acted upon, by what reads them.
pub const KNOWN: &[(&str, &[&str])] = &[
    (
        "stages.py",
        &["cloud_init_modules", "cloud_config_modules", "cloud_final_modules", "datasource", "manual_cache_clean", "vendor_data"],
    ),
    ("handlers/cloud_config.py", &["merge_how", "merge_type"]),
    ("cc_set_hostname.py, cc_update_etc_hosts.py", &["hostname", "fqdn", "preserve_hostname", "manage_etc_hosts"]),
    (
        "cc_apt_configure.py",
        &[
            "apt_preserve_sources_list",
            "apt_mirror",
            "apt_mirror_search",
            "apt_sources",
            "apt_proxy",
            "apt_http_proxy",
            "apt_ftp_proxy",
            "apt_https_proxy",
            "apt_config",
            "apt_pipelining",
            "debconf_selections",
            "system_info",
        ],
    ),
    (
        "cc_package_update_upgrade_install.py",
        &[
            "packages",
            "package_update",
            "package_upgrade",
            "package_reboot_if_required",
            "apt_update",
            "apt_upgrade",
            "apt_reboot_if_required",
        ],
    ),
    ("cc_write_files.py", &["write_files"]),
    ("cc_runcmd.py, cc_bootcmd.py", &["runcmd", "bootcmd"]),
    ("cc_power_state_change.py", &["power_state"]),
    ("cc_phone_home.py, cc_final_message.py, util.py", &["phone_home", "final_message", "output"]),
    ("cc_users_groups.py, cc_set_passwords.py", &["users", "user", "groups", "password", "chpasswd", "ssh_pwauth"]),
    (
        "cc_ssh.py, cc_ssh_import_id.py",
        &["ssh_authorized_keys", "ssh_keys", "ssh_deletekeys", "ssh_genkeytypes", "disable_root", "disable_root_opts", "ssh_import_id"],
    ),
    ("cc_growpart.py, cc_resizefs.py", &["growpart", "resize_rootfs"]),
    ("cc_mounts.py, cc_disk_setup.py", &["mounts", "mount_default_fields", "disk_setup", "fs_setup"]),
    ("cc_ca_certs.py, cc_rsyslog.py, cc_locale.py, cc_timezone.py", &["ca-certs", "rsyslog", "locale", "timezone"]),
];

/// Known to later versions only. 0.7.5 says nothing about them, and does nothing.
pub const MODERN: &[&str] =
    &["apt", "ntp", "snap", "ca_certs", "swap", "keyboard", "ansible", "network", "wireguard", "rh_subscription", "disk_encryption"];

/// Keys of an entry of `write_files`; `append`, `defer` and `source` came later and would be ignored.
pub const WRITE_FILE: &[&str] = &["path", "content", "owner", "permissions", "encoding"];

/// Keys of an entry of `users` (`distros/__init__.py`); `uid` is ignored, `hashed_passwd` is of later packages only.
pub const USER: &[&str] = &[
    "name",
    "gecos",
    "homedir",
    "primary_group",
    "groups",
    "passwd",
    "lock_passwd",
    "shell",
    "sudo",
    "ssh_authorized_keys",
    "ssh_import_id",
    "system",
    "no_create_home",
    "no_user_group",
    "inactive",
    "expiredate",
    "selinux_user",
];

/// Keys of meta-data that NoCloud of 0.7.5 uses; `hostname` is ignored although its documentation shows it.
pub const META_DATA: &[&str] =
    &["instance-id", "local-hostname", "dsmode", "network-interfaces", "public-keys", "seedfrom", "availability-zone", "launch-index"];

/// Which module acts upon a key.
pub fn known(key: &str) -> bool {
    KNOWN.iter().any(|(_, keys)| keys.contains(&key))
}
