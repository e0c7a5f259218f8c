"""The model hub: what is cached, what could be, who uses it.

Pure: `names` repositories and their folders · `weights` which files of a repository are wanted · `places` where the
cache is · `deletion` what a deletion takes with it · `usage` who uses a model · `nodes` the caches of other machines
· `failures` what can go wrong · `forms` what people fill in · `pages` and `views` the page and its JSON · `wire` the
JSON of the older routes.

The world: `scan` reads the cache · `token` where a token would be · `unfinished` downloads that have not ended ·
`machines` the other machines · `library` runs `worker`, a process of its own and the only one that imports
`huggingface_hub` (`fetching` downloads, `explain` says what went wrong) · `model_hub` ties these together for
`routes`, `view_routes`, `actions`, `finding` and `recipes`.

`plugin` the hooks · `settings` what the operator may write · `testing` a hub on this machine, for tests.
"""
