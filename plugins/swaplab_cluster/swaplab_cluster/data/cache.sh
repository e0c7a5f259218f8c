#!/bin/sh
# Look at a model cache in the layout of the Hugging Face hub; verify or delete one repository in it. POSIX sh.
# usage: cache.sh list FOLDER | cache.sh verify FOLDER REPO | cache.sh delete FOLDER REPO
verb=$1 folder=$2 repo=$3
[ "${folder#\~/}" = "$folder" ] || folder=$HOME/${folder#\~/}

refuse() {
    printf '%s\n' "$1" >&2
    exit 1
}

inside() { # the repository must be a folder of its own, right below the cache
    case $repo in '' | .* | */*) refuse "$repo is no repository" ;; esac
    if [ ! -d "$folder/$repo" ] || [ -L "$folder/$repo" ]; then refuse "$folder/$repo is not there"; fi
}

count() {
    awk 'END { print NR }'
}

case $verb in
    list)
        for path in "$folder"/models--* "$folder"/datasets--*; do
            [ -d "$path" ] || continue
            blobs=$(find "$path/blobs" -name '.*' -prune -o -type f ! -name '*.incomplete' -print 2>/dev/null | count)
            size=$(du -sk -- "$path/blobs" 2>/dev/null | cut -f1)
            incomplete=$(find "$path/blobs" -type f \( -name '*.incomplete' -o -path '*/blobs/.*' \) 2>/dev/null | count)
            missing=$(find "$path/snapshots" -type l ! -exec test -e {} \; -print 2>/dev/null | count)
            revisions=$(for revision in "$path/snapshots"/*; do [ -d "$revision" ] && printf '%s,' "${revision##*/}"; done)
            printf '@model %s|%s|%s|%s|%s|%s\n' "${path##*/}" "$blobs" "$((${size:-0} * 1024))" "$incomplete" "$missing" "${revisions%,}"
        done
        ;;
    verify)
        inside
        wrong=0
        for blob in "$folder/$repo/blobs"/*; do
            [ -f "$blob" ] || continue
            name=${blob##*/}
            case ${#name} in
                64) found=$(sha256sum <"$blob" | cut -d' ' -f1) ;;
                40) found=$({ printf 'blob %s\000' "$(wc -c <"$blob" | tr -d ' ')"; cat "$blob"; } | sha1sum | cut -d' ' -f1) ;;
                *) continue ;;
            esac
            if [ "$found" != "$name" ]; then
                printf 'wrong: %s\n' "$name"
                wrong=$((wrong + 1))
            fi
        done
        [ "$wrong" -eq 0 ] || refuse "$wrong files of $repo are not what they are called"
        echo "every file of $repo is what it is called"
        ;;
    delete)
        inside
        case $repo in models--* | datasets--*) rm -rf -- "${folder:?}/$repo" ;; *) refuse "$repo is no repository" ;; esac
        ;;
    *) refuse "usage: cache.sh list|verify|delete FOLDER [REPO]" ;;
esac
