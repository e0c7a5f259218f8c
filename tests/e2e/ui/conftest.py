"""One browser for all tests of a worker; a visitor for each test, whose pages must have done nothing wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from swaplab_core.testing.require import require


@pytest.fixture(scope="session")
def browser():
    """Chromium, and pages to show in it."""
    try:
        import browser as support
    except ModuleNotFoundError:
        require("browser", None, "pip install playwright")
        raise
    require("ui", support.BUILT if support.BUILT.is_file() else None, "run `make ui`")
    with support.running_browser(require("browser", support.find_browser(), support.ADVICE)) as running:
        yield running


@pytest.fixture
def visitor(browser, request) -> Iterator[object]:
    """Visit pages; at the end none of them may have thrown, or asked a stranger."""
    from browser import Visitor

    visiting = Visitor(browser, request.node.name.removeprefix("test_"))
    yield visiting
    assert visiting.faults == []
