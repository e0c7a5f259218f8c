"""Container images and containers for swaplab, through the API of Docker or podman.

Pure: `facts` values · `wire` the engine's JSON read · `where` which socket · `layers` how far a pull is · `tags` which tag
is newer · `image_users` who uses an image · `ownership` whose a container is, and what was left behind · `advice` what
is unwise in a model's `docker run` · `views` and `pages` what is shown · `shapes` what older clients read.

The world: `adapter` the engine, through aiodocker, which is imported when the first question is asked · `registry` lists
of tags · `nodes` other machines, through their executors · `live` what is known now, and the watch over it.

`plugin` the hooks · `actions`, `routes`, `diagnostics` what they answer · `settings` what the operator may write.
`testing_*` are a real engine, a small fake one that passes the same contract, and a registry, for tests.
"""
