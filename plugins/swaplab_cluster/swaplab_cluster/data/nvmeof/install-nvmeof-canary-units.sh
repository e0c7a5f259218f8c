#!/bin/sh
# Install the two scripts beside this one, their systemd units and samples of their settings. POSIX sh, root.
# Nothing is done without --apply. Settings that are there already are never overwritten.
set -eu

root=${DESTDIR:-}
here=$(cd "$(dirname "$0")" && pwd)
apply=no

case ${1:-} in
    --apply) apply=yes ;;
    '' | --dry-run) ;;
    *)
        echo "usage: install-nvmeof-canary-units.sh [--apply]" >&2
        exit 2
        ;;
esac

run() {
    printf '+ %s\n' "$*"
    [ "$apply" = yes ] || return 0
    "$@"
}

if [ "$apply" = yes ] && [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    echo "install-nvmeof-canary-units: this needs root" >&2
    exit 2
fi
for script in nvmeof-initiator-canary.sh net-tune-canary.sh; do
    run install -D -m 0755 "$here/$script" "$root/usr/local/sbin/$script"
done
for unit in nvmeof-connect@.service net-tune-canary.service; do
    run install -D -m 0644 "$here/$unit" "$root/etc/systemd/system/$unit"
done
for sample in nvmeof-sample.env net-tune.env; do
    if [ -e "$root/etc/swaplab/$sample" ]; then
        printf '= %s is kept\n' "$root/etc/swaplab/$sample"
    else
        run install -D -m 0640 "$here/$sample" "$root/etc/swaplab/$sample"
    fi
done
if [ -z "$root" ]; then run systemctl daemon-reload; fi
[ "$apply" = yes ] || echo "Nothing was changed. Add --apply to do it."
