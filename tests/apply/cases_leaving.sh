# shellcheck shell=sh
# shellcheck disable=SC2034  # lib.sh reads what the cases set
# What leaves a seed: whose it is, where it was kept, what has to restart.

LIST=/etc/apt/sources.list.d/mesosphere.list

# A seed without the override that the others have, for more files.
open_seed() { seed "$SEED"; master_files; drop_file /etc/init/mesos-master.override; }
clean_run() { apply; rc_is 0; hasnt "$M/out" warning:; }

# User-data of 14.04 writes our source before us, and twice when it runs again: it is no original.
case_own_source() {
    machine ownsource upstart
    mkdir -p "$ROOT/etc/apt/sources.list.d"
    printf 'deb http://mirror.example trusty main\ndeb http://mirror.example trusty main\n' >"$ROOT$LIST"
    echo "deb http://other.example trusty main" >"$ROOT/etc/apt/sources.list.d/other.list"
    open_seed; echo "deb http://more.example trusty main" | file /etc/apt/sources.list.d/other.list 0644 root sources ""; seal; clean_run
    same "$(cat "$ROOT$LIST")" "deb http://mirror.example trusty main" "the source is there twice"
    open_seed; drop_file "$LIST"; echo "deb http://next.example trusty main" | file /etc/apt/sources.list.d/next.list 0644 root sources ""; seal
    apply --check; rc_is 1; has "$M/out" "differs: $LIST"
    clean_run; gone "$ROOT$LIST"; has "$ROOT/etc/apt/sources.list.d/other.list" other.example
    apply --check; rc_is 0
}

# What an earlier program wrote is ours, though it noted no digests; /etc/hosts stays all the same.
case_no_digests() {
    machine nodigests upstart; open_seed
    echo x | file /etc/apt/sources.list.d/old.list 0644 root sources ""; echo y | file /etc/cron.daily/thing 0755 root configure ""
    echo z | file /etc/hosts 0644 root configure ""; seal; clean_run
    nd_files=$ROOT/var/lib/clusterseed/state/files
    # Some had only paths, later ones what restarts.
    awk -F "$(printf '\037')" '{ print $1 (NR % 2 ? FS $2 : "") }' "$nd_files" >"$nd_files.old"; mv "$nd_files.old" "$nd_files"
    open_seed; seal; apply; rc_is 0
    gone "$ROOT/etc/apt/sources.list.d/old.list" "$ROOT/etc/cron.daily/thing"; hasnt "$M/out" "somebody has changed"
    has "$M/out" "no /etc/hosts was there before"; there "$ROOT/etc/hosts"
    clean_run; apply --check; rc_is 0
}
