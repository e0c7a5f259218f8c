"""Pinned host keys: how they are written, named and explained. Pure."""

from __future__ import annotations

import base64
import hashlib

from attrs import frozen


@frozen
class HostKey:
    """The public key of a machine, as its sshd shows it: `kind` such as ssh-ed25519, `blob` its bytes."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The form that `ssh-keygen -l` prints."""
        return fingerprint(self.blob)


def fingerprint(blob: bytes) -> str:
    """SHA256:… of the bytes of a public key."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def host_pattern(host: str, port: int) -> str:
    """How known_hosts writes a host; another port than 22 puts it into brackets."""
    return host if port == 22 else f"[{host}]:{port}"


def pinned(known_hosts: str, host: str, port: int) -> tuple[HostKey, ...]:
    """The keys that a known_hosts file has for a host; lines that are no such entry are passed over."""
    wanted = host_pattern(host, port)
    found = []
    for line in known_hosts.splitlines():
        words = line.split()
        if len(words) >= 3 and not line.startswith(("#", "@", "|")) and wanted in words[0].split(","):
            blob = _decoded(words[2])
            if blob:
                found.append(HostKey(words[1], blob))
    return tuple(found)


def with_pin(known_hosts: str, host: str, port: int, key: HostKey) -> str:
    """The file with this as the only key of the host; all other lines stay as they are."""
    wanted = host_pattern(host, port)
    kept = [line for line in known_hosts.splitlines() if wanted not in (line.split() or [""])[0].split(",")]
    entry = f"{wanted} {key.kind} {base64.b64encode(key.blob).decode()}"
    return "\n".join([*kept, entry]) + "\n"


def changed_key_advice(name: str) -> str:
    """What to do about a key that is another one."""
    return (
        f"if {name} was installed anew, compare with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints "
        "at its console, and enrol it again; if not, somebody may stand in between: do not go on"
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
