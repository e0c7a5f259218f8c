"""The world behind the ports: one adapter each, and nothing that decides.

`processes` starts and stops (`process_group` fork, pipe and exit · `programs` where a program is · `guard`,
`guard_link` and `parent_death` against orphans) · `http` short control requests · `relay` the data path, to a
`destination` · `files` and `watch` the configuration files · `listen` the address to serve on · `clock` time ·
`failures` what the errors of libraries are in our words.
"""

from __future__ import annotations
