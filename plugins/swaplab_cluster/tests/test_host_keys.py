from __future__ import annotations

import subprocess

from swaplab_cluster.host_keys import HostKey, fingerprint, pinned, with_pin

KEY, OTHER = HostKey("ssh-ed25519", b"one"), HostKey("ssh-ed25519", b"two")


def test_a_key_is_pinned_once_and_other_lines_stay():
    text = "# mine\n[a.example]:2222 ssh-ed25519 b25l\nb.example,192.0.2.1 ssh-rsa dHdv\n"
    changed = with_pin(text, "a.example", 2222, OTHER)
    assert pinned(changed, "a.example", 2222) == (OTHER,)
    assert pinned(changed, "192.0.2.1", 22) == (HostKey("ssh-rsa", b"two"),)
    assert changed.startswith("# mine\n")
    assert pinned(with_pin("", "a", 22, KEY), "a", 22) == (KEY,)


def test_the_port_is_part_of_the_name():
    assert pinned(with_pin("", "a", 22, KEY), "a", 2222) == ()


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "k"], check=True)
    kind, blob = (tmp_path / "k.pub").read_text().split()[:2]
    [key] = pinned(f"h {kind} {blob}\n", "h", 22)
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "k.pub"], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[1] == key.fingerprint == fingerprint(key.blob)
