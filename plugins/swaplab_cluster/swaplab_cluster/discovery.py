"""Finding machines: it only proposes, nothing is enrolled by it. The script's protocol is pure, the scan is I/O."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable

from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest

MOST_ADDRESSES = 1024
AT_ONCE = 64
SCAN_SECONDS = 1.0
MARK = "__KV__"
SCRIPT = r"""
script=$1
cd "$(dirname "$script")" || exit 2
. "$script"
detect_interfaces; echo "__KV__DETECT_INTERFACES_RC=$?"
detect_local_ip; echo "__KV__DETECT_LOCAL_IP_RC=$?"
detect_nodes; echo "__KV__DETECT_NODES_RC=$?"
for name in LOCAL_IP ETH_IF IB_IF CIDR NODES_ARG; do
    eval "value=\${$name-}"
    echo "__KV__$name=$value"
done
"""
"""Sources an autodiscover.sh, calls its three functions, and prints what they have set."""


def script_argv(path: str) -> tuple[str, ...]:
    """The command that asks an autodiscover.sh."""
    return ("bash", "-c", SCRIPT, "swaplab-discover", path)


@frozen
class Discovered:
    """What a script found. `nodes` are addresses, this machine's own among them."""

    local_ip: str = ""
    cidr: str = ""
    eth_if: str = ""
    ib_if: str = ""
    nodes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def read(text: str) -> Discovered:
    """Read what the script printed; lines that are not its own are passed over."""
    said = dict(
        line[len(MARK) :].partition("=")[::2] for line in text.splitlines() if line.startswith(MARK) and "=" in line
    )
    errors = [
        f"{name} failed (exit {code})"
        for name in ("detect_interfaces", "detect_local_ip", "detect_nodes")
        if (code := said.get(f"{name.upper()}_RC", "0")) != "0"
    ]
    local = said.get("LOCAL_IP", "").strip()
    found = [word.strip() for word in said.get("NODES_ARG", "").split(",") if word.strip()]
    nodes = [*([local] if local and local not in found else []), *found]
    return Discovered(
        local,
        said.get("CIDR", "").strip(),
        said.get("ETH_IF", "").strip(),
        said.get("IB_IF", "").strip(),
        tuple(dict.fromkeys(nodes)),
        tuple(errors),
    )


def addresses(network: str) -> tuple[str, ...]:
    """The hosts of a network such as 192.0.2.0/24. Raises InvalidRequest when it is none, or too large."""
    try:
        net = ipaddress.ip_network(network.strip(), strict=False)
    except ValueError as error:
        raise InvalidRequest(f"{network!r} is no network: {error}", advice="write it like 192.0.2.0/24") from None
    if net.num_addresses > MOST_ADDRESSES:
        raise InvalidRequest(
            f"{net} has {net.num_addresses} addresses", advice=f"scan at most {MOST_ADDRESSES}, a /22 or smaller"
        )
    return tuple(map(str, net.hosts()))


async def scan(hosts: Iterable[str], port: int) -> tuple[str, ...]:
    """Those that listen on a port. A few are asked at a time, each for a second at most."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(host: str) -> str | None:
        async with gate:
            try:
                async with asyncio.timeout(SCAN_SECONDS):
                    _, writer = await asyncio.open_connection(host, port)
            except (TimeoutError, OSError):
                return None
            writer.close()
            return host

    answers = await asyncio.gather(*(ask(host) for host in hosts))
    return tuple(host for host in answers if host is not None)
