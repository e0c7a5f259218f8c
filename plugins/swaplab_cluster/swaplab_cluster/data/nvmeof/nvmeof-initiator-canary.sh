#!/bin/sh
# Connect this machine to an NVMe-oF target with cautious time limits, or disconnect it. POSIX sh, nvme-cli, root.
# Nothing is done without --apply: without it the commands are only shown.
set -eu

transport=${NVMEOF_TRANSPORT:-tcp}
address=${NVMEOF_TRADDR:-}
service=${NVMEOF_TRSVCID:-4420}
subsystem=${NVMEOF_SUBSYSNQN:-}
host=${NVMEOF_HOSTNQN:-}
keep_alive=${NVMEOF_KEEP_ALIVE_SECONDS:-300}
loss=${NVMEOF_CTRL_LOSS_SECONDS:-600}
reconnect=${NVMEOF_RECONNECT_SECONDS:-10}
queue=${NVMEOF_QUEUE_SIZE:-128}
apply=no
disconnect=no
connect=yes

usage() {
    cat <<'TEXT'
usage: nvmeof-initiator-canary.sh [options]
  --transport tcp|rdma     --traddr ADDRESS       --trsvcid PORT (4420)
  --subsysnqn NQN          --hostnqn NQN
  --keep-alive SECONDS (300)   --ctrl-loss SECONDS (600)   --reconnect SECONDS (10)   --queue-size N (128)
  --disconnect-first       disconnect the subsystem, then connect
  --disconnect-only        disconnect the subsystem
  --apply                  do it; without it the commands are only shown
  --dry-run                only show them, whatever else is given
Each has a variable: NVMEOF_TRANSPORT, NVMEOF_TRADDR, NVMEOF_TRSVCID, NVMEOF_SUBSYSNQN, NVMEOF_HOSTNQN,
NVMEOF_KEEP_ALIVE_SECONDS, NVMEOF_CTRL_LOSS_SECONDS, NVMEOF_RECONNECT_SECONDS, NVMEOF_QUEUE_SIZE.
TEXT
}

fail() {
    printf 'nvmeof-initiator-canary: %s\n' "$1" >&2
    exit 2
}

number() { # name, value
    case $2 in '' | *[!0-9]*) fail "$1 must be a number, not '$2'" ;; esac
}

word() { # name, value: an address or an NQN, never an option
    case $2 in '' | -* | *[!A-Za-z0-9.:_-]*) fail "$1 cannot be '$2'" ;; esac
}

dry=no
while [ $# -gt 0 ]; do
    case $1 in
        --apply) apply=yes ;;
        --dry-run) dry=yes ;;
        --disconnect-first) disconnect=yes ;;
        --disconnect-only) disconnect=yes connect=no ;;
        -h | --help)
            usage
            exit 0
            ;;
        --transport | --traddr | --trsvcid | --subsysnqn | --hostnqn | --keep-alive | --ctrl-loss | --reconnect | --queue-size)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --transport) transport=$2 ;;
                --traddr) address=$2 ;;
                --trsvcid) service=$2 ;;
                --subsysnqn) subsystem=$2 ;;
                --hostnqn) host=$2 ;;
                --keep-alive) keep_alive=$2 ;;
                --ctrl-loss) loss=$2 ;;
                --reconnect) reconnect=$2 ;;
                --queue-size) queue=$2 ;;
            esac
            shift
            ;;
        *) fail "unknown option $1 (see --help)" ;;
    esac
    shift
done
[ "$dry" = no ] || apply=no

case $transport in tcp | rdma) ;; *) fail "the transport is tcp or rdma, not '$transport'" ;; esac
word subsysnqn "$subsystem"
if [ "$connect" = yes ]; then
    word traddr "$address"
    number trsvcid "$service"
    number keep-alive "$keep_alive"
    number ctrl-loss "$loss"
    number reconnect "$reconnect"
    number queue-size "$queue"
    [ -z "$host" ] || word hostnqn "$host"
fi

run() {
    printf '+ %s\n' "$*"
    [ "$apply" = yes ] || return 0
    "$@"
}

if [ "$apply" = yes ]; then
    [ "$(id -u)" -eq 0 ] || fail "this needs root"
    command -v nvme >/dev/null 2>&1 || fail "nvme is not installed (package nvme-cli)"
fi
[ "$disconnect" = no ] || run nvme disconnect --nqn="$subsystem"
if [ "$connect" = yes ]; then
    run modprobe "nvme-$transport"
    set -- --transport="$transport" --traddr="$address" --trsvcid="$service" --nqn="$subsystem" \
        --keep-alive-tmo="$keep_alive" --ctrl-loss-tmo="$loss" --reconnect-delay="$reconnect" --queue-size="$queue"
    [ -z "$host" ] || set -- "$@" --hostnqn="$host"
    run nvme connect "$@"
fi
[ "$apply" = yes ] || echo "Nothing was changed. Add --apply to do it."
