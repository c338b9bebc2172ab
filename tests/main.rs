//! The one test binary; each module says what it proves. Slow ones are ignored by default and need root (`--ignored`).

#![allow(missing_docs)]

mod apps; // documents of a running service: compared and submitted, against a fixture of Marathon
mod apt; // the choice of packages, beside the real apt
mod bake; // golden images: leaks, seals, machines that come up from images
mod bom; // the bill of materials: what it says, that it is CycloneDX, and the same bytes each time
mod browser; // the pages in Chromium: widths, light and dark, paper, contrast, outline
mod carried; // packages that are locked, fetched and stored, from servers that lie
mod cli; // the command line: exit codes, streams, formats, closed pipes
mod clouds; // limits at the byte, encodings, next commands
mod determinism; // same bytes whatever the folder, clock, zone, locale, umask, thread count
mod dialect; // what cloud-init 0.7.5 understands, enforced on every golden for 14.04
mod diff; // pairs of specs, built folders and git revisions
mod errors; // specs and profiles that must fail, each with its whole message
mod golden; // clusters whose output is known byte for byte
mod lab; // the guide's six machines, with fixtures for the packages that nobody serves any more
mod network; // every form of the network on every platform
mod oracle; // strings through PyYAML 3.10 and a current one
mod profiles; // a cluster kind without Rust
mod properties; // ranges, quoting, round trips
mod qemu; // a machine with a kernel of its own boots from its volume, and again without it
mod readme; // every command and spec of the README
mod real; // real cloud-init, dpkg and ZooKeeper on booted machines
mod regressions; // inputs that fuzzing found once
mod report; // one page, alone readable: no scripts, nothing from elsewhere, contrast, no secrets
mod repository; // carried packages: signed, delivered, tampered with
mod seed; // `apply` and `fetch` under dash and busybox
mod settings; // layers: mappings add up, `null` takes away
mod status; // running clusters, sound and broken, that answer over TCP
mod support;
mod tidy; // house rules: imports, codes, docs
mod volume; // seed volumes through blkid, isoinfo, xorriso, 7-Zip, mtools and fsck
mod walk; // the steps of `guide change`, in their order, on a cluster that runs
