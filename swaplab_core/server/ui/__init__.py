"""The pages: `pages` serves what was built, or the `plain_page` · `manifest` what plugins show in them, `module_files`
their files.
"""

from __future__ import annotations
