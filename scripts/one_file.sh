#!/bin/sh
# PetVision @VERSION@ in one file. It unpacks itself once into the cache folder and starts from there.
#
# Photos, folders and addresses open the window, a verb (predict, explain, ...; --help) works here.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/petvision/programs
home=$cache/@VERSION@-@DIGEST@
if [ ! -x "$home/petvision" ]; then
    mkdir -p "$cache"
    aside=$(mktemp -d "$cache/.unpacking.XXXXXX")
    trap 'rm -rf "$aside"' EXIT INT TERM
    [ ! -t 2 ] || echo "PetVision unpacks itself, once, into $home ..." >&2
    start=$(awk '/^__ARCHIVE__$/ { print NR + 1; exit }' "$0")
    tail -n "+$start" "$0" | tar -xzf - -C "$aside"
    # Whoever unpacked it at the same time was as right.
    mv -T "$aside/@NAME@" "$home" 2>/dev/null || [ -x "$home/petvision" ]
    rm -rf "$aside"
    trap - EXIT INT TERM
    if command -v fuser >/dev/null; then # former versions go, unless one is running
        for old in "$cache"/*; do
            [ "$old" = "$home" ] || fuser -s "$old/petvision" 2>/dev/null || rm -rf "$old"
        done
    fi
fi
case ${1:-} in
predict | explain | neurons | batch | train | evaluate | export | models | serve | selftest | gui | -h | --help | --version)
    exec "$home/petvision" "$@"
    ;;
esac
exec "$home/petvision-gui" "$@"
__ARCHIVE__
