#!/bin/sh
# apply: turn this machine into the host that the seed tree beside this file describes.
#
# Written for dash and busybox sh with the tools of a base Ubuntu 14.04 or Debian 12
# image; awk may be mawk. Every phase compares before it acts, so it is safe to kill
# this program anywhere and to run it again: a second run with nothing to do touches
# nothing but its own status and log.
#
#   phase      what it does                                     why it stands where it stands
#   verify     seed whole, right machine, room on the disk      nothing may change on the wrong host
#   hold       no service of the cluster may start              a master that runs once with defaults cannot join
#   sources    package source and its key                       before the first package
#   install    packages, no prompt, no start                    before their configuration: no conffile question
#   sweep      remove package and editor leftovers              daemons read each file there as a flag
#   configure  directories, files, alternatives, stale files    final content while everything is still held
#   release    drop the holds of this host's own services       only now would a reboot start them rightly
#   start      start or restart in order, wait for ports        dependencies first
#   report     wait for the other hosts the first time, say what is so
#   submit     give a service what it does not have yet        only where the seed has such, when the cluster serves
#
# shellcheck disable=SC2015,SC2317  # `a && b || die`: die ends the run; phases are called by name
PHASES="verify hold sources install sweep configure release start report submit"

# Exit codes. They are an interface: help text, README and `clusterseed status` name them.
E_FAIL=1      # failed; with --check: the host differs from the seed
E_USAGE=2
E_HOST=3      # not the machine this seed is for
E_SEED=4      # the seed is damaged, of another format, or signed by no pinned key
E_PACKAGES=5
E_SERVICE=6   # a service did not come up
E_BUSY=7      # another run is at work
E_PEERS=8     # this host is ready, but others that its services need are missing
E_IDENTITY=9  # a service that has run would have to become somebody else
E_SUBMIT=10   # a service did not take what it was to be given

set -u
umask 077
LC_ALL=C; export LC_ALL
HOME=${HOME:-/root}; export HOME          # cloud-init 0.7.5 starts us without one; gpg wants it
unset UPSTART_SESSION                     # else initctl would talk to a user's session
# CLUSTERSEED_ROOT puts every path of the host under a scratch directory, for tests;
# only then is the caller's PATH kept, because the tests' tools are on it.
R=${CLUSTERSEED_ROOT:-}
[ -n "$R" ] || PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH

STATE=$R/var/lib/clusterseed/state        # what must survive a crash between two steps
SUBMITTED=$STATE/submitted                # documents that were seen at their service: "submission US key US SHA-256"
STATUS=$R/var/lib/clusterseed/status.json
PLACE=$R/var/lib/clusterseed/seed         # where every delivery puts the seed
POLICY=$R/usr/sbin/policy-rc.d
POLICY_MARK="# placed by clusterseed while it installs packages"
TEMP=.clusterseed-new                     # a dot file: the daemons' flag directories skip it
LOCK_SECONDS=600                          # for another apt or dpkg to finish
UPDATE_TRIES=3
TAB=$(printf '\t')
NL="
"
US=$(printf '\037')                       # field separator: host.json cannot hold it raw, and
                                          # unlike a tab it keeps empty fields apart in `read`
MODE=run ONLY="" LOG="" W="" PHASE=verify FINISHED="" STATUS_OPEN=""
CHANGES=0 WARNINGS=0 STARTED_AT="" PHASE_STARTED=0 CLOCK=0
PRODUCT="" CLUSTER="" HOST="" DIGEST="" INIT="" OWN="" TARGETS="" SET="" SIGNER="" SOURCES_LIST="" FORMATION=0 PEERS=0 PEERS_UP=0 TOOK_TURN="" SEED_IS="" PATIENCE=0

usage() {
    cat <<'END'
usage: apply [--phase NAME[,NAME]]... [--dry-run | --check] [--wait]

Turns this machine into the host that the seed tree beside this program describes.

  --phase NAME   run only this phase; repeatable. Phases, in their order:
                 verify hold sources install sweep configure release start report submit
  --dry-run      say what would change, change nothing
  --check        compare the host with the seed, change nothing; exit 1 if it differs
  --wait         when another run is at work, wait for its end instead of giving up
  --help         this text

exit: 0 done, 1 failed or different, 2 usage, 3 wrong machine, 4 seed damaged or unsigned,
      5 packages, 6 a service did not come up, 7 another run is at work,
      8 other hosts are missing, 9 a service would become somebody else,
      10 a service did not take what it was to be given
END
}

