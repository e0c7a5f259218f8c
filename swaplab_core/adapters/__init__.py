"""The world behind the ports: one adapter each, and nothing that decides.

- engines: `processes` starts and stops (`spawning` fork · `process_group` pipe and exit · `programs` where a program
  is · `guard`, `guard_link` and `parent_death` against orphans), `executor_local` is the executor of this machine
- upstreams: `http` short control requests · `relay` the data path, to a `destination` · `websocket` its tunnels
  · `failures` what the errors of libraries are in our words
- the server's own socket: `listen` the address · `tls` its certificate · `gateway` the server asked by its own plugins
- the machine: `clock` time · `hardware` how busy it is and what it is · `addresses` of its network · `open_files` how
  many there may be · `weights` how large the files of a model are · `last_resort` the end of a daemon that hangs
- the configuration: `files` read and written, `watch` when they change, `revisions` what they were · `shell_syntax`
  whether a shell could read a command's text
- recipes: `recipe_folders`
- what lasts: `state_folder` the place of it · `admin_token` the key of this user, and which daemons serve where ·
  `job_files` jobs · `footprints` memory of models
- the activity: `store` the port, over `store_database` (opening, migrating, asking), `store_table` (columns, filters),
  `store_report` (sums and heat) and `store_place` (may the file be there?); `migrations` are its versions
- `console` the daemon's standard output
"""

from __future__ import annotations
