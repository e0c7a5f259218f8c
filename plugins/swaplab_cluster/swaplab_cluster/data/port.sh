#!/bin/sh
# Print a TCP port that nobody listens on: the wanted one, or the next that is free. POSIX sh, Linux.
# usage: port.sh WANTED
port=$1
last=$((port + 500))
while [ "$port" -lt "$last" ] && [ "$port" -le 65535 ]; do
    if ! grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") [0-9A-F:]* 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null; then
        echo "$port"
        exit 0
    fi
    port=$((port + 1))
done
exit 1
