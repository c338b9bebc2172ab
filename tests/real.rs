//! What the product writes, on machines that boot it: real cloud-init 22.4, systemd, apt, dpkg and ZooKeeper of Debian 12,
//! and cloud-init 20.4 and 25.1 of Debian 11 and 13.
//!
//! `cargo test --test main real:: -- --ignored --nocapture --test-threads=1` runs them; without root they say so and pass, unless
//! CI=true. A root tree of each release is made once (a minute and 1 GB) in $CLUSTERSEED_CACHE, or target/real. How machines are booted, and
//! what they lack of a real one: `real/boot.sh`.

mod airgap; // packages in the seed, real apt, no way out
pub mod carried; // packages that come with the seed
mod cut; // the plug is pulled in the middle of the first boot
mod delivery; // all ways in which a seed travels, with contents that something on the way could spoil
mod ensemble; // a whole cluster: first boot, reboot, damage, change
mod guestinfo; // a seed without a volume, read by cloud-init's own reader
mod guide; // the built-in profile, whose packages no longer exist
pub mod host; // what must hold on every machine
mod kernel; // bonds, VLANs and hardware addresses, on machines with a kernel of their own
pub mod lab; // machines
mod net; // every form of the network, in the hands of cloud-init, netplan and ifupdown of three releases
mod strings; // those contents
