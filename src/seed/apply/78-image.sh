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
        echo "; the seed is for an image with other packages: $(printf %.12s "$id_want"), this is $(printf %.12s "$id_is"): bake anew from the spec that the seed is of"
}
