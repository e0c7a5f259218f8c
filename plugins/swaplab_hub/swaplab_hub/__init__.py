"""The model hub: what is cached, what could be, who uses it.

Pure: `names` repositories and their folders · `weights` which files of a repository are wanted · `places` where the
cache is · `deletion` what a deletion takes with it · `usage` who uses a model · `nodes` the caches of other machines ·
`views` the JSON of the page · `wire` the JSON of the older routes.
The world: `scan` reads the cache · `library` runs `worker`, a process of its own and the only one that imports
`huggingface_hub` · `model_hub` ties these together for `routes`, `view_routes`, `actions` and `recipes`.
"""
