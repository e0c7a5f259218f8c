#!/bin/sh
# Look at a model cache of the hub's layout on this machine, or delete one model in it. POSIX sh.
# usage: cache.sh list FOLDER | cache.sh delete FOLDER models--ORG--NAME
verb=$1 folder=$2 repo=$3
case $folder in '~/'*) folder=$HOME/${folder#??} ;; esac

case $verb in
    list)
        for path in "$folder"/models--*; do
            if [ ! -d "$path" ] || [ -L "$path" ]; then continue; fi
            size=$(du -sk -- "$path" 2>/dev/null | cut -f1)
            unfinished=$(find "$path/blobs" -name '*.incomplete' 2>/dev/null | awk 'END { print NR }')
            revisions=$(for each in "$path"/snapshots/*/; do [ -d "$each" ] && basename "$each"; done | tr '\n' ',')
            printf '@ %s %s %s %s\n' "${path##*/}" "$((${size:-0} * 1024))" "$unfinished" "${revisions%,}"
        done
        df -Pk -- "$folder" 2>/dev/null | awk 'NR == 2 { printf "@free %.0f\n", $4 * 1024 }'
        ;;
    delete)
        case $repo in *..* | */* | '') echo "$repo is no model" >&2 && exit 2 ;; models--*) ;; *) exit 2 ;; esac
        if [ ! -d "$folder/$repo" ] || [ -L "$folder/$repo" ]; then echo "it is not there" && exit 0; fi
        for each in "$folder/$repo"/*; do
            case ${each##*/} in
                blobs | snapshots | refs | trees | CACHEDIR.TAG | '*') ;;
                *) echo "$each is nothing that a model cache has" >&2 && exit 2 ;;
            esac
        done
        rm -rf -- "${folder:?}/$repo" && echo "deleted"
        ;;
    *) echo "usage: cache.sh list|delete FOLDER [REPO]" >&2 && exit 2 ;;
esac
