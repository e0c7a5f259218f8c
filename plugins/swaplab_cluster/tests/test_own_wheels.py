"""swaplab as wheels: what an agent is installed from."""

from __future__ import annotations

import io
import zipfile

from swaplab_cluster.own_wheels import own_wheels


def test_the_wheels_hold_what_an_agent_needs_and_no_pages():
    core, cluster = own_wheels()
    assert core.name.startswith("swaplab_core-")
    assert cluster.name.endswith("-py3-none-any.whl")
    names = set(zipfile.ZipFile(io.BytesIO(cluster.content)).namelist())
    assert {"swaplab_cluster/agent/cli.py", "swaplab_cluster/data/remote.sh", "swaplab_cluster/data/probe.sh"} <= names
    assert not any("ui_dist" in name for name in zipfile.ZipFile(io.BytesIO(core.content)).namelist())


def test_every_file_stands_in_its_record():
    for wheel in own_wheels():
        archive = zipfile.ZipFile(io.BytesIO(wheel.content))
        [record] = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        listed = {line.split(",")[0] for line in archive.read(record).decode().splitlines()}
        assert listed == set(archive.namelist())
