# ---------------------------------------------------------------- host.json

# Flattens JSON to lines "path<TAB>value"; an array also gives "path/#<TAB>length".
# Strict: one object, plain keys, no duplicates, whole numbers, ASCII. A JSON string
# cannot hold a raw line end, so tokens never cross lines and a line is read at a time.
# Values keep backslash and control characters as escapes for printf %b.
# shellcheck disable=SC2016
FLATTEN='
function bad(why) {
    if (!failed) print "line " NR ": " why
    failed = 1
    exit 1
}
function hex4(s,   i, d, v) {
    if (length(s) != 4) bad("short \\u escape")
    for (i = 1; i <= 4; i++) {
        d = index("0123456789abcdef", tolower(substr(s, i, 1)))
        if (!d) bad("bad \\u escape")
        v = v * 16 + d - 1
    }
    return v
}
function utf8(c) {
    if (c < 32 || c == 127) return sprintf("\\0%03o", c)
    if (c == 92) return "\\\\"
    if (c < 128) return sprintf("%c", c)
    if (c < 2048) return sprintf("%c%c", 192 + int(c / 64), 128 + c % 64)
    if (c < 65536) return sprintf("%c%c%c", 224 + int(c / 4096), 128 + int(c / 64) % 64, 128 + c % 64)
    return sprintf("%c%c%c%c", 240 + int(c / 262144), 128 + int(c / 4096) % 64, 128 + int(c / 64) % 64, 128 + c % 64)
}
function decode(s,   out, i, e, c, low) {
    out = ""
    while ((i = index(s, "\\")) > 0) {
        out = out substr(s, 1, i - 1)
        e = substr(s, i + 1, 1)
        s = substr(s, i + 2)
        if (e == "u") {
            c = hex4(substr(s, 1, 4)); s = substr(s, 5)
            if (c == 0) bad("NUL in a string")
            if (c >= 55296 && c <= 56319) {
                if (substr(s, 1, 2) != "\\u") bad("half a surrogate pair")
                low = hex4(substr(s, 3, 4)); s = substr(s, 7)
                if (low < 56320 || low > 57343) bad("half a surrogate pair")
                c = 65536 + (c - 55296) * 1024 + low - 56320
            } else if (c >= 56320 && c <= 57343) bad("half a surrogate pair")
            out = out utf8(c)
        }
        else if (e == "\"" || e == "/") out = out e
        else if (e == "\\") out = out "\\\\"
        else if (index("nrtbf", e)) out = out "\\" e
        else bad("bad escape")
    }
    return out s
}
function here() {
    if (kind[depth] == "[") return at[depth] "/" count[depth]++
    return (depth > 1 ? at[depth] "/" : "") key[depth]
}
function after() { want = depth ? "comma" : "end" }
function value(text,   p) {
    if (want != "value" && want != "value]" || !depth) bad("a value does not belong here")
    p = here(); after()
    print p "\t" text
}
function open(c,   p) {
    if (want != "value" && want != "value]") bad("a " c " does not belong here")
    if (!depth && c != "{") bad("not an object")
    if (depth == 16) bad("nested too deep")
    p = depth ? here() : ""
    depth++
    kind[depth] = c; at[depth] = p; count[depth] = 0
    want = c == "{" ? "key}" : "value]"
}
function close_(c) {
    if (!depth || (c == "}") != (kind[depth] == "{")) bad("unmatched " c)
    if (want != "comma" && want != (c == "}" ? "key}" : "value]")) bad("a " c " does not belong here")
    if (c == "]") print at[depth] "/#\t" count[depth]
    depth--; after()
}
function string(s) {
    if (want == "key" || want == "key}") {
        if (s !~ /^[A-Za-z0-9_-]+$/) bad("unusual key")
        if ((at[depth] SUBSEP s) in seen) bad("key " s " twice")
        seen[at[depth] SUBSEP s] = 1
        key[depth] = s; want = "colon"
    } else value(decode(s))
}
BEGIN { want = "value" }
{
    rest = $0
    sub(/\r$/, "", rest)
    if (rest ~ /[^ -~\t]/) bad("not plain ASCII")
    for (;;) {
        sub(/^[ \t]+/, "", rest)
        if (rest == "") break
        c = substr(rest, 1, 1)
        len = 1
        if (c == "\"") {
            if (!match(rest, /^"([^"\\]|\\.)*"/)) bad("string without an end")
            len = RLENGTH
            if (index(substr(rest, 1, len), "\t")) bad("raw tab in a string")
            string(substr(rest, 2, len - 2))
        }
        else if (c == "{" || c == "[") open(c)
        else if (c == "}" || c == "]") close_(c)
        else if (c == ",") {
            if (want != "comma") bad("a comma does not belong here")
            want = kind[depth] == "{" ? "key" : "value"
        }
        else if (c == ":") {
            if (want != "colon") bad("a colon does not belong here")
            want = "value"
        }
        else {
            if (!match(rest, /^[-+.A-Za-z0-9]+/)) bad("unknown character")
            len = RLENGTH; word = substr(rest, 1, len)
            if (word !~ /^(true|false|null|0|-?[1-9][0-9]*)$/) bad("bad word " word)
            value(word)
        }
        rest = substr(rest, len + 1)
    }
}
END { if (!failed && (depth || want != "end")) bad("ends too early") }
'

# What the rest of this program relies on. Values become paths, arguments and patterns,
# so what could be read as anything else is refused here, once.
# shellcheck disable=SC2016
VALIDATE='
function bad(why) { print why; failed = 1 }
function need(p) { if (!(p in v)) bad(p " is missing") }
function each(base, keys,   i, j, n, k) {
    need(base "/#")
    n = split(keys, k, " ")
    for (i = 0; i < v[base "/#"] + 0; i++) for (j = 1; j <= n; j++) need(base "/" i "/" k[j])
}
{
    tab = index($0, "\t"); p = substr($0, 1, tab - 1); x = substr($0, tab + 1)
    v[p] = x
    if (p !~ /^commands\// && index(x, "\\")) bad(p " holds a control character or backslash")
    if (p ~ /^(files|directories|alternatives|apt\/keys)\/[0-9]+\/(path|link)$/ || p ~ /^(sweep|apt\/sources)\/[0-9]+$/ ||
        p ~ /^identities\/[0-9]+\/guard$/)
        if (x !~ /^\/[^\/]/ || x ~ /\/$/ || (x "/") ~ /\/\.?\.?\//) bad(p " is not a normal absolute path: " x)
    if (p ~ /\/mode$/ && x !~ /^[0-7][0-7][0-7][0-7]$/) bad(p " is not a mode: " x)
    if (p ~ /\/(owner|group)$/ && x !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/) bad(p " is not a name: " x)
    if (p ~ /\/phase$/ && x !~ /^(hold|sources|configure|release)$/) bad(p " is not a phase for files: " x)
    if (p ~ /^identities\/[0-9]+\/paths\/[0-9]+$/ && (x !~ /^\/[^\/]/ || x ~ /,/ || x ~ /\/\.?\.?\//)) bad(p " is not a path: " x)
    if (p ~ /^identities\/[0-9]+\/allowed$/ && x !~ /^(true|false)$/) bad(p " is neither true nor false: " x)
    if (p ~ /^peers\/[0-9]+\/(name|address)$/ && x !~ /^[A-Za-z0-9][A-Za-z0-9.-]*$/) bad(p " is not a name or address: " x)
    if (p ~ /^holds\/[0-9]+$/ || p ~ /^services\/[0-9]+\/name$/ || p ~ /\/restarts\/[0-9]+$/ || p ~ /^alternatives\/[0-9]+\/name$/ ||
        p ~ /^(peers|identities)\/[0-9]+\/service$/)
        if (x !~ /^[A-Za-z0-9][A-Za-z0-9@_.:-]*$/) bad(p " is not a unit name: " x)
    if (p ~ /^submissions\/[0-9]+\/(name|noun|service|address)$/ && x !~ /^[A-Za-z0-9][A-Za-z0-9@_.:-]*$/) bad(p " is not a name: " x)
    if (p ~ /^documents\/[0-9]+\/(of|key)$/ && x !~ /^[A-Za-z0-9][A-Za-z0-9@_.:\/-]*$/) bad(p " is not a name: " x)
    if ((p ~ /^submissions\/[0-9]+\/ask$/ || p ~ /^documents\/[0-9]+\/path$/) && x !~ /^\/[A-Za-z0-9_.~%\/-]*$/) bad(p " is not a path to ask: " x)
    if ((p ~ /^submissions\/[0-9]+\/login$/ || p ~ /^documents\/[0-9]+\/file$/) && (x !~ /^\/[^\/]/ || x ~ /\/$/ || (x "/") ~ /\/\.?\.?\//))
        bad(p " is not a normal absolute path: " x)
    if (p ~ /^submissions\/[0-9]+\/(port|seconds)$/ && x !~ /^[1-9][0-9]*$/) bad(p " is not a number: " x)
    if (p ~ /\/ports\/[0-9]+$/ && (x !~ /^[1-9][0-9]*$/ || x + 0 > 65535)) bad(p " is not a port: " x)
    if (p ~ /\/(wait_seconds|priority)$/ || p ~ /^(disk_mb|not_before|formation_seconds)$/) if (x !~ /^[0-9]+$/) bad(p " is not a number: " x)
    if (p ~ /^packages\/[0-9]+\/name$/ && x !~ /^[a-z0-9][a-z0-9.+:-]*$/) bad(p " is not a package: " x)
    if (p ~ /^packages\/[0-9]+\/version$/ && x !~ /^[A-Za-z0-9][A-Za-z0-9.+:~-]*[*]?$/) bad(p " is not a version: " x)
    if (p ~ /^image\/packages\/[0-9]+$/ && x !~ /^[a-z0-9][a-z0-9.+:-]*(=[A-Za-z0-9][A-Za-z0-9.+:~-]*[*]?)?$/) bad(p " is no package of an image: " x)
    if (p == "apt/carried/set" && x !~ /^[0-9a-f]+$/) bad(p " is not a name of packages: " x)
    if (p == "apt/carried/sources_list" && x !~ /^(keep|aside)$/) bad(p " is neither keep nor aside: " x)
    if (p ~ /^commands\/[0-9]+\/id$/ && x !~ /^[A-Za-z0-9]+$/) bad(p " is not an id: " x)
    if (p ~ /^commands\/[0-9]+\/at$/ && x !~ /^(before-install|after-start)$/) bad(p " is not a moment: " x)
}
END {
    if (failed) exit 1
    if (v["format"] != "1") { print "format " v["format"] " is not understood, only 1"; exit 1 }
    n = split("product cluster host fqdn digest platform/os_id platform/os_version platform/init disk_mb not_before formation_seconds " \
        "apt/update addresses/# holds/# sweep/# apt/sources/#", k, " ")
    for (i = 1; i <= n; i++) need(k[i])
    each("services", "name wait_seconds ports/#"); each("packages", "name"); each("apt/keys", "path fingerprint")
    each("alternatives", "name link path priority"); each("directories", "path mode owner group")
    each("files", "path mode owner group phase restarts/#"); each("commands", "id at run/#")
    each("peers", "service name address ports/#"); each("identities", "service paths/# guard allowed why")
    if ("submissions/#" in v || "documents/#" in v) {
        each("submissions", "name noun service address port ask leads waits seconds"); each("documents", "of key path there file")
    }
    if ("apt/carried/set" in v) { need("apt/carried/fingerprint"); need("apt/carried/sources_list") }
    if (v["addresses/#"] + 0 < 1) bad("addresses is empty")
    if (v["platform/init"] !~ /^(upstart|systemd)$/) bad("platform/init is " v["platform/init"])
    exit failed
}
'

get() { awk -v p="$1$TAB" 'index($0, p) == 1 { print substr($0, length(p) + 1); exit }' "$W/facts"; }

# tables FILE BASE KEYS...: $W/FILE gets one line per element of the array BASE, its KEYS
# separated by US; an array among them is joined by commas; "." is the element itself.
tables() {
    printf '%s\n' "$@" | awk -v us="$US" -v dir="$W/" '
        FILENAME != "-" { tab = index($0, "\t"); v[substr($0, 1, tab - 1)] = substr($0, tab + 1); next }
        {
            n = split($0, k, " ")
            printf "" >(dir k[1])
            for (i = 0; i < v[k[2] "/#"] + 0; i++) {
                line = ""
                for (j = 3; j <= n; j++) {
                    p = k[2] "/" i (k[j] == "." ? "" : "/" k[j])
                    x = v[p]
                    for (e = 0; e < v[p "/#"] + 0; e++) x = x (e ? "," : "") v[p "/" e]
                    line = line (j > 3 ? us : "") x
                }
                print line >(dir k[1])
            }
            close(dir k[1])
        }' "$W/facts" -
}

load_seed() {
    check_signature
    check_sums
    awk "$FLATTEN" "$SEED/host.json" >"$W/facts" ||
        die "$E_SEED" "host.json is not what this program reads: $(tail -n 1 "$W/facts")" "$MEND_SEED"
    awk "$VALIDATE" "$W/facts" >"$W/out" ||
        die "$E_SEED" "host.json: $(head -n 3 "$W/out" | tr '\n' ';')" "$MEND_SEED"
    set -- product cluster host fqdn digest disk_mb platform/init platform/os_id platform/os_version apt/update not_before formation_seconds \
        apt/carried/set apt/carried/fingerprint apt/carried/sources_list
    awk -v keys="$*" '
        { tab = index($0, "\t"); v[substr($0, 1, tab - 1)] = substr($0, tab + 1) }
        END { n = split(keys, k, " "); for (i = 1; i <= n; i++) print v[k[i]] }' "$W/facts" >"$W/scalars"
    { read -r PRODUCT; read -r CLUSTER; read -r HOST; read -r FQDN; read -r DIGEST; read -r DISK_MB
      read -r INIT; read -r OS_ID; read -r OS_VERSION; read -r UPDATE; read -r NOT_BEFORE; read -r FORMATION
      read -r SET; read -r SIGNER; read -r SOURCES_LIST; } <"$W/scalars"
    tables "holds holds ." "addresses addresses ." "sweep sweep ." "services services name ports wait_seconds" \
        "keys apt/keys path fingerprint" "packages packages name version" "alternatives alternatives name link path priority" \
        "directories directories path mode owner group" "commands commands id at" \
        "declared files path mode owner group phase restarts" \
        "peers peers service name address ports ask answer" "identities identities service paths guard allowed why" \
        "submissions submissions name noun service address port ask leads ready waits login seconds" "documents documents of key path there file"
    awk -F "$US" -v OFS="$US" -v known="$SUBMITTED" '
        BEGIN { while ((getline line < known) > 0) { split(line, k, FS); seen[k[1] FS k[2]] = 1 } }
        { print $1, $2, (($1 FS $2) in seen) ? "known" : "waiting" }' "$W/documents" >"$W/results"
    OWN=$(awk -F "$US" '{ printf "%s%s", (NR > 1 ? "," : ""), $1 }' "$W/services")
    # Files under an alternative's link are written under its path instead: the first
    # field is where a file goes on the host, the second where it is in the seed. The last one is its SHA-256.
    sums=$SEED/SHA256SUMS awk -F "$US" -v OFS="$US" -v alts="$W/alternatives" '
        BEGIN {
            while ((getline line < alts) > 0) { split(line, a, FS); to[a[2] "/"] = a[3] "/" }
            while ((getline line < ENVIRON["sums"]) > 0) { name = substr(line, 67); sub(/^\.\//, "", name); sum[name] = substr(line, 1, 64) }
        }
        { dst = $1; for (l in to) if (index($1, l) == 1) dst = to[l] substr($1, length(l) + 1); print dst, $0, sum["root" $1] }
    ' "$W/declared" >"$W/files"
    TARGETS=$NL$(cut -d "$US" -f 1 "$W/files")$NL
    cut -d "$US" -f 2 "$W/files" | sort >"$W/want"
    { [ ! -d "$SEED/root" ] || (cd "$SEED/root" && find . -type f | sed 's/^\.//'); } | sort >"$W/have"
    cmp -s "$W/want" "$W/have" ||
        die "$E_SEED" "host.json and root/ disagree about: $(awk '{ n[$0]++ } END { for (f in n) if (n[f] != 2) print f }' \
            "$W/want" "$W/have" | head -n 3 | tr '\n' ' ')" "$MEND_SEED"
    SEED_IS=$SEED_IS,read
}

# lend_packages: where packages travel beside the tarball, on a volume or over HTTP, one that was carried in by hand has none. It gets
# what it names from the seed that is here, where that has it whole. Takes what it finds off $W/lacks; only looking, it copies nothing
# and names in $W/lent what is right where it lies.
lend_packages() {
    [ "$SEED" != "$(cd "$PLACE" 2>/dev/null && pwd -P)" ] && [ -d "$PLACE/repo/pool" ] || return 0
    : >"$W/lacks.still"
    while IFS= read -r le_name <&3; do
        le_from=""
        case $le_name in repo/pool/*/*) ;; repo/pool/*) le_from=$PLACE/$le_name ;; esac
        le_sum=""
        if [ -n "$le_from" ] && [ -f "$le_from" ] && [ ! -L "$le_from" ]; then le_sum=$(sha256sum <"$le_from" | cut -d' ' -f1); fi
        if ! grep -Fqx -e "$le_sum  $le_name" -e "$le_sum  ./$le_name" "$SEED/SHA256SUMS"; then
            printf '%s\n' "$le_name" >>"$W/lacks.still"
        elif [ "$MODE" != run ]; then printf '%s\n' "$le_name" >>"$W/lent"
        else
            # No link: the file that is here would change by it. Whole or not at all: half a package would be a damaged seed for good.
            mkdir -p "$SEED/repo/pool" && cp "$le_from" "$SEED/repo/.lent" && mv "$SEED/repo/.lent" "$SEED/$le_name" || {
                rm -f "$SEED/repo/.lent"
                die "$E_FAIL" "cannot copy $le_name into $SEED" "make room there and run apply again"
            }
        fi
    done 3<"$W/lacks"
    mv "$W/lacks.still" "$W/lacks"
}

PINS=/etc/clusterseed/trusted-keys
ACCEPT=/usr/local/sbin/clusterseed-accept

# check_signature: on a host that pins keys nothing of a seed is believed before one of them is found to have signed it. The host's
# own program looks; it has looked before, where the seed came through it.
check_signature() {
    [ -e "$R$PINS" ] || [ -L "$R$PINS" ] || return 0
    [ -f "$R$ACCEPT" ] || die "$E_FAIL" "this host takes only signed seeds ($PINS), and $ACCEPT, which checks them, is not there" \
        "put it back from a seed that you trust (seed/root$ACCEPT), mode 0755, and run apply again"
    # It has to say so: of a program that a power cut left empty, nothing is what the shell makes.
    sh "$R$ACCEPT" --signature "$SEED" >"$W/out" 2>&1 && grep -q '^signed by ' "$W/out" && return 0
    ck_rc=$? ck_what=$(sed -n 's/^error: //p' "$W/out") ck_next=$(sed -n 's/^next: //p' "$W/out")
    [ "$ck_rc" = "$E_SEED" ] || ck_rc=$E_FAIL
    die "$ck_rc" "${ck_what:-$ACCEPT failed: $(tail -n 1 "$W/out")}" "${ck_next:-$MEND_SEED}"
}

# SHA256SUMS must name every file but itself and its signature, once, and every sum must be right.
check_sums() {
    [ -f "$SEED/SHA256SUMS" ] && [ -f "$SEED/host.json" ] ||
        die "$E_SEED" "no SHA256SUMS and host.json beside $0" "run the apply that lies inside an unpacked seed"
    cs_odd=$(cd "$SEED" && find . ! -type f ! -type d | head -n 3 | tr '\n' ' ')
    [ -z "$cs_odd" ] || die "$E_SEED" "seed holds something that is no plain file: $cs_odd" "$MEND_SEED"
    awk '{
        sum = substr($0, 1, 64); name = substr($0, 67)
        sub(/^\.\//, "", name)
        if (length(sum) != 64 || sum ~ /[^0-9a-f]/ || substr($0, 65, 2) !~ /^ [ *]$/ || name == "" ||
            ("/" name "/") ~ /\/\.?\.?\//) exit 1
        print "./" name
    }' "$SEED/SHA256SUMS" >"$W/listed" || die "$E_SEED" "SHA256SUMS is not in the form of sha256sum" "$MEND_SEED"
    sort "$W/listed" >"$W/want"
    (cd "$SEED" && find . -type f ! -path ./SHA256SUMS ! -path ./SHA256SUMS.asc) | sort >"$W/have"
    awk 'NR == FNR { have[$0] = 1; next } !($0 in have) { print substr($0, 3) }' "$W/have" "$W/want" >"$W/lacks"
    : >"$W/lent"
    [ "$MODE" != run ] || rm -f "$SEED/repo/.lent"
    if [ -s "$W/lacks" ]; then lend_packages; fi
    cs_odd=$(head -n 3 "$W/lacks" | tr '\n' ' ')
    case $cs_odd in
        "") ;;
        repo/pool/*) die "$E_SEED" "missing from the seed, and not in the one that is here: $cs_odd" \
            "packages that this host has not seen yet come with the volume, from the URL, or in a tarball that was built with 'delivery: hand'" ;;
        *) die "$E_SEED" "missing from the seed: $cs_odd" "$MEND_SEED" ;;
    esac
    { (cd "$SEED" && find . -type f ! -path ./SHA256SUMS ! -path ./SHA256SUMS.asc); sed 's#^#./#' "$W/lent"; } | sort >"$W/have"
    cmp -s "$W/want" "$W/have" ||
        die "$E_SEED" "not listed in SHA256SUMS: $(awk 'NR == FNR { want[$0]++; next } want[$0] != 1 { print substr($0, 3) }' \
            "$W/want" "$W/have" | head -n 3 | tr '\n' ' ')" "$MEND_SEED"
    (cd "$SEED" && awk 'FILENAME == ARGV[1] { lent[$0]; lent["./" $0]; next } !(substr($0, 67) in lent)' "$W/lent" SHA256SUMS | sha256sum -c -) >"$W/out" 2>&1 ||
        die "$E_SEED" "damaged in the seed: $(sed -n 's/: FAILED.*//p' "$W/out" | sed 's#^\./##' | head -n 3 | tr '\n' ' ')" "$MEND_SEED"
    SEED_IS=whole
}
MEND_SEED="bring the seed to this host again, whole, and run apply from it"

