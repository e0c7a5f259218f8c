#!/bin/sh
# Tune the network of this machine for NVMe-oF, keeping what was there before, or put that back. POSIX sh, root.
# Nothing is done without --apply or --rollback FILE; --show tells how it is.
set -eu

SETTINGS='net.ipv4.tcp_keepalive_time=120
net.ipv4.tcp_keepalive_intvl=20
net.ipv4.tcp_keepalive_probes=6
net.ipv4.tcp_retries2=8
net.core.rmem_max=16777216
net.core.wmem_max=16777216
net.core.netdev_max_backlog=250000'
sys=${NET_TUNE_PROC:-/proc/sys}
mode=${NET_TUNE_MODE:-perf}
interface=${NET_TUNE_IFACE:-}
snapshot=${NET_TUNE_SNAPSHOT:-/var/lib/swaplab/net-tune-$(date +%Y%m%d-%H%M%S).snapshot}
verb=

usage() {
    cat <<'TEXT'
usage: net-tune-canary.sh --show | --apply | --rollback FILE [options]
  --show              tell the present values, and what --apply would set
  --apply             keep the present values in the snapshot file, then set the new ones
  --rollback FILE     put back what a snapshot holds
  --mode perf|debug   offloads of the interface: perf switches them on, debug off   (NET_TUNE_MODE)
  --iface NAME        the interface whose offloads are changed; none without it     (NET_TUNE_IFACE)
  --snapshot-file F   where the present values are kept                             (NET_TUNE_SNAPSHOT)
TEXT
}

fail() {
    printf 'net-tune-canary: %s\n' "$1" >&2
    exit 2
}

choose() {
    [ -z "$verb" ] || fail "give only one of --show, --apply, --rollback"
    verb=$1
}

while [ $# -gt 0 ]; do
    case $1 in
        --show) choose show ;;
        --apply) choose apply ;;
        --rollback)
            [ $# -ge 2 ] || fail "--rollback needs a snapshot file"
            choose rollback
            snapshot=$2
            shift
            ;;
        --mode | --iface | --snapshot-file)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --mode) mode=$2 ;;
                --iface) interface=$2 ;;
                --snapshot-file) snapshot=$2 ;;
            esac
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) fail "unknown option $1 (see --help)" ;;
    esac
    shift
done
[ -n "$verb" ] || verb=show
case $mode in perf | debug) ;; *) fail "the mode is perf or debug, not '$mode'" ;; esac
case $interface in -* | *[!A-Za-z0-9._:-]*) fail "the interface cannot be '$interface'" ;; esac

path() { # net.ipv4.x -> /proc/sys/net/ipv4/x
    printf '%s/%s' "$sys" "$(printf %s "$1" | tr . /)"
}

present() {
    cat "$(path "$1")" 2>/dev/null || echo '?'
}

put() { # name, value
    printf '+ %s = %s\n' "$1" "$2"
    printf '%s\n' "$2" >"$(path "$1")" || fail "$1 cannot be set (root?)"
}

known() { # only names of our own list are ever written
    printf '%s\n' "$SETTINGS" | grep -q "^$1="
}

offloads() {
    [ -n "$interface" ] || return 0
    command -v ethtool >/dev/null 2>&1 || fail "ethtool is not installed"
    case $mode in
        perf) set -- tso on gso on gro on ;;
        debug) set -- tso off gso off gro off lro off ;;
    esac
    printf '+ ethtool -K %s %s\n' "$interface" "$*"
    ethtool -K "$interface" "$@"
}

case $verb in
    show)
        printf '%s\n' "$SETTINGS" | while IFS='=' read -r name value; do
            printf '%s = %s (would be %s)\n' "$name" "$(present "$name")" "$value"
        done
        echo "Nothing was changed. Add --apply to do it."
        ;;
    apply)
        [ ! -e "$snapshot" ] || fail "$snapshot is there already; give another --snapshot-file"
        mkdir -p "$(dirname "$snapshot")"
        printf '%s\n' "$SETTINGS" | while IFS='=' read -r name _; do
            [ ! -r "$(path "$name")" ] || printf '%s=%s\n' "$name" "$(present "$name")"
        done >"$snapshot"
        printf '%s\n' "$SETTINGS" | while IFS='=' read -r name value; do
            if [ -w "$(path "$name")" ]; then put "$name" "$value"; else printf '= %s is not there\n' "$name"; fi
        done
        offloads
        echo "What was there before is in $snapshot. To put it back: net-tune-canary.sh --rollback $snapshot"
        ;;
    rollback)
        [ -r "$snapshot" ] || fail "$snapshot cannot be read"
        while IFS='=' read -r name value; do
            known "$name" || fail "$snapshot holds $name, which is none of ours; nothing more is put back"
            case $value in '' | *[![:digit:][:space:]]*) fail "$snapshot holds '$value' for $name" ;; esac
            put "$name" "$value"
        done <"$snapshot"
        ;;
esac
