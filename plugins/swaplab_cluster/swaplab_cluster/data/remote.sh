#!/bin/sh
# Run one program on this machine for swaplab, at the other end of a connection. POSIX sh, and setsid.
# usage: remote.sh MARK LEASE GRACE MERGE BYTES FOLDER PROGRAM ARGUMENT...
#
# Standard input brings, in this order: variables, one NAME=value a line (\\ and \n escaped), and an empty line; BYTES
# bytes that the program may read; then single letters as they come: . (we are there) t (SIGTERM) k (SIGKILL).
# When the input ends, or nothing has come for LEASE seconds, whoever asked is gone: the program is ended, after GRACE
# seconds by force. The first line of output is "MARK PID" or "MARK ! why not"; everything before it is not ours.
mark=$1 lease=$2 grace=$3 merge=$4 bytes=$5 folder=$6
shift 6
PATH=$PATH:$HOME/.local/bin

refuse() {
    printf '%s ! %s\n' "$mark" "$1"
    exit 127
}

variables=
while IFS= read -r line && [ -n "$line" ]; do
    variables="$variables$line
"
done
command -v setsid >/dev/null 2>&1 || refuse "setsid is not installed (package util-linux)"

exec 3<&0
if [ "$bytes" -gt 0 ]; then
    given=$(mktemp) || refuse "no temporary file can be made"
    head -c "$bytes" <&3 >"$given"
    exec 4<"$given"
    rm -f -- "$given"
else
    exec 4</dev/null
fi

# The kernel ends the program when this shell is killed, where it can be told so.
# shellcheck disable=SC2016 # the variables are those of the inner shell
start='printf "%s %s\n" "$SWAPLAB_RUN" "$$"
if setpriv --pdeathsig KILL true 2>/dev/null; then exec setpriv --pdeathsig KILL -- "$@"; fi
exec "$@"'

begin() { # in a shell of its own, so that nothing else sees the variables
    set -f
    IFS='
'
    for line in $variables; do
        value=$(printf '%bx' "$line")
        export "${value%x}"
    done
    export "SWAPLAB_RUN=$mark"
    [ "$folder" != "~" ] || folder=$HOME
    [ "${folder#\~/}" = "$folder" ] || folder=$HOME/${folder#\~/}
    if [ -n "$folder" ]; then cd -- "$folder" 2>/dev/null || refuse "there is no folder $folder"; fi
    command -v -- "$1" >/dev/null 2>&1 || refuse "there is no program $1"
    exec setsid sh -c "$start" "$1" "$@"
}

if [ "$merge" = 1 ]; then
    begin "$@" <&4 2>&1 3<&- 4<&- &
else
    begin "$@" <&4 3<&- 4<&- &
fi
pid=$!
exec 4<&- 2>/dev/null

(
    while :; do
        case $(timeout "$lease" dd bs=1 count=1 <&3) in
            .) ;;
            t) kill -s TERM -- "-$pid" ;;
            k) kill -s KILL -- "-$pid" ;;
            *) break ;;
        esac
    done
    kill -s TERM -- "-$pid"
    sleep "$grace"
    kill -s KILL -- "-$pid"
) >/dev/null 2>&1 &
watcher=$!

wait "$pid"
code=$?
tries=0
while [ $tries -lt 20 ] && kill -s 0 -- "-$pid" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -s KILL -- "-$pid" 2>/dev/null
kill "$watcher" 2>/dev/null
exit $code
