#!/bin/sh
# Look at one machine and print what is there, one fact per line. Reads only; POSIX sh; needs no other tool for certain.
# usage: probe.sh SECTIONS PATH...      SECTIONS: words out of metrics, storage, dgx, joined by commas
# Every line begins with @ and the name of the fact. Sections run side by side; each writes whole lines.
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin:/usr/local/bin"
sections=,$1,
shift

limit() { # run a command, but not for ever
    if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi
}

say() { # fact, then text that may have many lines: one line each
    fact=$1
    shift
    printf '%s\n' "$*" | while IFS= read -r line; do printf '@%s %s\n' "$fact" "$line"; done
}

identity() {
    say host "$(uname -n)"
    say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
    say uptime "$(cut -d' ' -f1 /proc/uptime 2>/dev/null)"
}

processor() {
    say cpu "$(head -n1 /proc/stat 2>/dev/null)"
    sleep 0.2
    say cpu "$(head -n1 /proc/stat 2>/dev/null)"
    say load "$(cat /proc/loadavg 2>/dev/null)"
}

memory() {
    say mem "$(grep -E '^(MemTotal|MemAvailable|MemFree|SwapTotal|SwapFree):' /proc/meminfo 2>/dev/null)"
}

disk() {
    say disk "$(limit 3 df -Pk / 2>/dev/null | tail -n1)"
}

graphics() {
    if ! command -v nvidia-smi >/dev/null 2>&1; then
        say gpunone "nvidia-smi is not installed"
        return
    fi
    columns=index,name,utilization.gpu,memory.total,memory.used,memory.free,temperature.gpu,power.draw
    if found=$(limit 4 nvidia-smi --query-gpu=$columns --format=csv,noheader,nounits 2>&1); then
        say gpu "$found"
    else
        say gpuerror "$found"
    fi
}

rdma() {
    for port in /sys/class/infiniband/*/ports/*; do
        [ -r "$port/state" ] || continue
        device=${port#/sys/class/infiniband/}
        device=${device%%/*}
        interface=
        for net in "/sys/class/infiniband/$device/device/net"/*; do
            [ -e "$net" ] && interface=${net##*/} && break
        done
        say rdma "$device|${port##*/}|$(cat "$port/state")|$(cat "$port/phys_state" 2>/dev/null)|$(cat "$port/rate" 2>/dev/null)|$(cat "$port/link_layer" 2>/dev/null)|$interface"
    done
    for interface in /sys/class/net/*; do
        [ -e "$interface" ] || continue
        say net "${interface##*/}|$(cat "$interface/operstate" 2>/dev/null)|$(cat "$interface/speed" 2>/dev/null)"
    done
}

remote_disks() { # NVMe controllers that are reached over a network
    for controller in /sys/class/nvme/nvme*; do
        [ -r "$controller/transport" ] || continue
        transport=$(cat "$controller/transport")
        [ "$transport" != pcie ] || continue
        say nvme "${controller##*/}|$transport|$(cat "$controller/state" 2>/dev/null)|$(cat "$controller/address" 2>/dev/null)|$(cat "$controller/subsysnqn" 2>/dev/null)"
    done
}

storage() { # number, path: which file system it lies on, and how much is in it
    path=$2
    [ "${path#\~/}" = "$path" ] || path=$HOME/${path#\~/}
    if [ ! -e "$path" ]; then
        say path "$1|0||||||"
        return
    fi
    mount=$(limit 3 df -PkT -- "$path" 2>/dev/null | tail -n1)
    real=$(readlink -f -- "$path" 2>/dev/null)
    device=$(limit 2 stat -L -c '%d' -- "$path" 2>/dev/null)
    # shellcheck disable=SC2086 # the columns of df
    set -- "$1" $mount
    block=${2#/dev/}
    transport=$(cat "/sys/class/block/$block/device/transport" 2>/dev/null)
    world=$(cat "/sys/class/block/$block/wwid" 2>/dev/null)
    size=$(limit 6 nice du -sk -- "$path" 2>/dev/null | cut -f1)
    say path "$1|1|$device|$2|$3|$8|$transport:$world|$size|$real"
}

update() { # method of the service that keeps a DGX up to date
    name=com.nvidia.dgx.dashboard.admin1
    answer=$(limit 3 sudo -n -u dgx-dashboard-service-user busctl call $name /com/nvidia/dgx/dashboard/admin $name "$1" 2>&1 </dev/null)
    say dgx "$1|$?|$(printf %s "$answer" | tr '\n' ' ' | cut -c1-300)"
}

wants() {
    case $sections in *,"$1",*) return 0 ;; *) return 1 ;; esac
}

began=$(date +%s%N)
say probe 1
identity
if wants metrics; then
    processor &
    memory
    disk &
    graphics &
    rdma
    remote_disks
fi
if wants storage; then
    number=0
    for path in "$@"; do
        storage "$number" "$path" &
        number=$((number + 1))
    done
fi
if wants dgx; then
    for method in GetUpdatesAvailable IsUpdateRebootRunning StatusUpgrade StatusUpdateCache; do
        update "$method" &
    done
fi
wait
say elapsed "$began $(date +%s%N)"
