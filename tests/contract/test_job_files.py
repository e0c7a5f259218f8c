"""Jobs in a folder and jobs in memory behave alike."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from swaplab_core.adapters.job_files import FolderJobFiles
from swaplab_core.ports import JobFiles
from swaplab_core.testing.contracts import JobFilesContract
from swaplab_core.testing.fake_job_files import FakeJobFiles


class TestFolderJobFiles(JobFilesContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[JobFiles]:
        with tempfile.TemporaryDirectory() as folder:
            files = FolderJobFiles(Path(folder) / "jobs")
            try:
                yield files
            finally:
                files.close()


class TestFakeJobFiles(JobFilesContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[JobFiles]:
        yield FakeJobFiles()
