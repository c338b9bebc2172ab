# ---------------------------------------------------------------- image

IMAGE=/etc/clusterseed/image.json

# image_differs: in what the image is not the one that the seed relies on, as words; nothing when it is, or when the seed relies on
# none. Later seeds may ask for other packages: they are looked at once, before this machine has begun to be its host.
image_differs() {
    [ -n "$(get image/digest)" ] && [ ! -e "$STATE/begun" ] || return 0
    if [ ! -f "$R$IMAGE" ]; then echo "; the seed needs an image that clusterseed baked, and there is no $IMAGE here"; return 0; fi
    # Pins that come with the seed have not judged it.
    if seed_has "$PINS" && [ ! -e "$R$PINS" ]; then echo "; the seed is for an image with pinned keys, and this one has no $PINS"; return 0; fi
    awk "$FLATTEN" "$R$IMAGE" >"$W/image" || { echo "; $IMAGE is not what this program reads: $(tail -n 1 "$W/image")"; return 0; }
    for id_key in profile platform; do
        id_want=$(get "image/$id_key") id_is=$(sed -n "s/^$id_key$TAB//p" "$W/image")
        [ "$id_want" = "$id_is" ] || { echo "; the seed is for an image with the $id_key $id_want, this is one of $id_is"; return 0; }
    done
    id_want=$(sed -n "s/^image\/roles\/[0-9]*$TAB//p" "$W/facts" | tr '\n' ' ') id_is=$(sed -n "s/^roles\/[0-9]*$TAB//p" "$W/image" | tr '\n' ' ')
    [ "$id_want" = "$id_is" ] || { echo "; the seed is for an image of the role ${id_want% }, this is one of ${id_is% }"; return 0; }
    id_want=$(get image/digest) id_is=$(sed -n "s/^digest$TAB//p" "$W/image")
    [ "$id_want" = "$id_is" ] ||
        echo "; the seed is for an image with other packages ($(image_packages)): $(printf %.12s "$id_want"), this is $(printf %.12s "$id_is"): bake anew from the spec and the lock that the seed is of"
}

# image_packages: in which packages the image is not the one of the seed, as words.
image_packages() {
    sed -n "s/^image\/packages\/[0-9]*$TAB//p" "$W/facts" >"$W/want"
    awk -F "$TAB" '
        { split($1, p, "/") }
        p[1] == "packages" && p[3] == "name" { if (name != "") print name version; name = $2; version = "" }
        p[1] == "packages" && p[3] == "version" { version = "=" $2 }
        END { if (name != "") print name version }' "$W/image" >"$W/have"
    awk -F = '
        FILENAME == ARGV[1] { want[$1] = $2; order[++n] = $1; next }
        { have[$1] = $2; there[$1] = 1; if (!($1 in want)) order[++n] = $1 }
        function tell(words) { if (++told <= 3) printf "%s%s", (told > 1 ? ", " : ""), words }
        END {
            for (i = 1; i <= n; i++) {
                name = order[i]
                if (!(name in there)) tell(name (want[name] == "" ? "" : " " want[name]) " is missing")
                else if (!(name in want)) tell(name (have[name] == "" ? "" : " " have[name]) " is too much")
                else if (want[name] != have[name]) tell(name " is " have[name] " instead of " want[name])
            }
            if (told > 3) printf " and %d more", told - 3
            if (!told) printf "the same versions, of other files or with other services"
        }' "$W/want" "$W/have"
}

# image_brings: stops where packages that only the image brings are not there: nothing is to come from anywhere else.
image_brings() {
    [ "$(get image/carried)" = true ] && [ -s "$W/missing" ] || return 0
    die "$E_PACKAGES" "this seed brings no packages, and this machine's image was to have them: $(tr "$US" ' ' <"$W/missing" | head -n 3 | tr '\n' ';')" \
        "start from an image that was baked for this seed; to change a running host, build with 'delivery: hand' and bring that seed"
}
