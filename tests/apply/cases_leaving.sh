# shellcheck shell=sh
# shellcheck disable=SC2034,SC2016  # lib.sh reads what the cases set; names hold what nobody expands
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

# A folder or a link in the place of a parent is nothing that was kept.
case_kept_flat() {
    machine keptflat upstart; mkdir -p "$ROOT/etc/app/conf" "$ROOT/srv/data"
    echo first >"$ROOT/etc/app/conf/x"; echo precious >"$ROOT/srv/data/foo"; ln -s "$ROOT/srv/data" "$ROOT/etc/linked"
    open_seed; for kf in app/conf/x linked; do echo ours | file "/etc/$kf" 0644 root configure ""; done; seal; clean_run
    # Both are in the store still, while other things come to their places.
    echo mine >>"$ROOT/etc/app/conf/x"; rm "$ROOT/etc/linked"; mkdir "$ROOT/etc/linked"
    open_seed; seal; apply; rc_is 0; has "$M/out" "somebody has changed /etc/app/conf/x"; has "$M/out" "somebody has changed /etc/linked"
    rm -r "$ROOT/etc/app/conf"; echo "of the package" >"$ROOT/etc/app/conf"
    open_seed; for kf in app/conf linked/foo; do echo ours | file "/etc/$kf" 0644 root configure ""; done; seal; clean_run
    original /etc/app/conf "of the package"; original /etc/app/conf/x first
    open_seed; seal; clean_run
    same "$(cat "$ROOT/etc/app/conf")" "of the package" "the file of the package"
    gone "$ROOT/etc/linked/foo"; same "$(cat "$ROOT/srv/data/foo")" precious "what a kept link leads to"
    clean_run; apply --check; rc_is 0
}

# Names as people make them, and as long as they may be.
case_kept_odd_names() {
    machine keptodd upstart; mkdir -p "$ROOT/etc/a b"
    ko_names='x y
*?[z]
 lead
-n
trail 
two  apart
%s
$HOME`x`
q'"'"'q'
    ko_long=$(printf '%0200d' 0)
    odd_names() { printf '%s\n' "$ko_names" "$ko_long"; }
    odd_names | while IFS= read -r kn; do echo "of $kn" >"$ROOT/etc/a b/$kn"; done
    ko_before=$(cd "$ROOT/etc/a b" && sha256sum ./* | sort)
    open_seed
    mkdir -p "$S/root/etc/a b"
    odd_names | while IFS= read -r kn; do
        echo ours >"$S/root/etc/a b/$kn"
        printf '{"path":"/etc/a b/%s","mode":"0644","owner":"root","group":"root","phase":"configure","restarts":[]}\n' "$kn" >>"$S.files"
    done
    seal; clean_run; same "$(cat "$ROOT/etc/a b/"* | sort -u)" ours "what the seed has"
    same "$(sed 's/^[0-9a-f]*  //' "$ROOT/$KEPT_IN/LIST" | grep -c "^/etc/a b/")" 10 "the list"
    open_seed; seal; clean_run
    same "$(cd "$ROOT/etc/a b" && sha256sum ./* | sort)" "$ko_before" "another end than before"
    hasnt "$ROOT/$KEPT_IN/LIST" "/etc/a b"; same "$(find "$ROOT/$KEPT_IN" -mindepth 1 -maxdepth 1 | wc -l)" "$(($(wc -l <"$ROOT/$KEPT_IN/LIST") + 1))" "the store"
}

# The alternative's link is switched: what an earlier seed wrote under the one name is what this one wrote under the other.
case_stale_over_link() {
    machine overlink upstart; open_seed; ALTERNATIVES=""
    sl_own=$ROOT/etc/zookeeper/conf_clusterseed
    mkdir -p "$sl_own"; ln -s "$sl_own" "$ROOT/etc/zookeeper/conf"
    echo mine | file /etc/zookeeper/conf_clusterseed/extra 0644 root configure ""; seal; clean_run
    open_seed; ALTERNATIVES=""; echo mine | file /etc/zookeeper/conf/extra 0644 root configure ""; seal; clean_run
    has "$sl_own/extra" mine; hasnt "$M/out" "remove /etc/zookeeper"
    apply --check; rc_is 0
    open_seed; ALTERNATIVES=""; seal; clean_run; gone "$sl_own/extra"
}

# An override that leaves: its service starts anew without it. One that somebody has changed is his.
case_override_leaves() {
    master ovleaves; apply; twin ovleaves2; twin ovleaves3
    place ovleaves; open_seed; seal; calls; apply --check; rc_is 1; clean_run
    has "$M/out" "remove /etc/init/mesos-master.override"; has "$FAKE/calls" "initctl stop mesos-master"; hasnt "$FAKE/calls" "initctl stop zookeeper"
    gone "$ROOT/etc/init/mesos-master.override"; runs mesos-master; calls; clean_run; hasnt "$FAKE/calls" "initctl stop"
    place ovleaves2; echo "limit nofile 1 2" >>"$ROOT/etc/init/mesos-master.override"; open_seed; seal; calls; apply --check; rc_is 0
    apply; rc_is 0; has "$M/out" "somebody has changed /etc/init/mesos-master.override since clusterseed wrote it; it stays as it is"
    has "$ROOT/etc/init/mesos-master.override" "limit nofile"; hasnt "$FAKE/calls" "initctl stop"; clean_run
    place ovleaves3; rm "$ROOT/etc/init/mesos-master.override"; open_seed; seal; calls; clean_run; hasnt "$FAKE/calls" "initctl stop"
    apply --check; rc_is 0
}

# One phase alone is told nothing of what the others would write: the digest of what is on the disk stays.
case_one_phase_alone() {
    machine onephase upstart; open_seed; echo v1 | file /etc/apt/x.list 0600 root sources ""; seal; clean_run
    op_files=$ROOT/var/lib/clusterseed/state/files
    open_seed; echo v2 | file /etc/apt/x.list 0600 root sources ""; seal; apply --phase configure; rc_is 0; has "$ROOT/etc/apt/x.list" v1
    twin onephase2; open_seed; seal; clean_run; gone "$ROOT/etc/apt/x.list"
    place onephase; clean_run; has "$ROOT/etc/apt/x.list" v2; same "$(grep -c /etc/apt/x.list "$op_files")" 1 "notes of one file"
}

# A source of an earlier seed is no source of the host: it goes, and is not set aside.
case_own_source_aside() {
    machine sourceaside upstart; open_seed; echo "deb http://u:pw@x y z" | file /etc/apt/sources.list.d/old.list 0600 root sources ""; seal; clean_run
    open_seed; mkdir -p "$S/repo"; cp "$HERE/../../vendor/mesosphere/archive-key.asc" "$S/repo/key.gpg"; echo "deb http://a b c" >"$ROOT/etc/apt/sources.list"
    CARRIED=',"carried":{"set":"abc","fingerprint":"81026D0004C44CF7EF55ADF8DF7D54CBE56151BF","sources_list":"aside"}'; seal; CARRIED=
    apply --phase sources,configure; rc_is 0; gone "$ROOT/etc/apt/sources.list"; there "$ROOT/etc/apt/sources.list.disabled"
    gone "$ROOT/etc/apt/sources.list.d/old.list" "$ROOT/etc/apt/sources.list.d/old.list.disabled"
}
