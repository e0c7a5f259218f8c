"""A browser for the tests of a file, a visitor for each test, whose pages must have done nothing wrong.

Not one for the session: while Playwright runs, its event loop runs too, and other tests want one of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from swaplab_core.testing.require import require


@pytest.fixture(scope="module")
def browser(request):
    """Chromium, and pages to show in it. A module that sets `WITH_CAMERA` gets one that has a camera."""
    try:
        import browser as support
    except ModuleNotFoundError:
        require("browser", None, "pip install playwright")
        raise
    require("ui", support.BUILT if support.BUILT.is_file() else None, "run `make ui`")
    program = support.find_browser(with_camera=getattr(request.module, "WITH_CAMERA", False))
    with support.running_browser(require("browser", program, support.ADVICE)) as running:
        yield running


@pytest.fixture
def visitor(browser, request) -> Iterator[object]:
    """Visit pages; at the end none of them may have thrown, or asked a stranger."""
    from browser import Visitor

    visiting = Visitor(browser, request.node.name.removeprefix("test_"))
    yield visiting
    assert visiting.faults == []
