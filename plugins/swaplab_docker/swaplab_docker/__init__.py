"""Container images and containers for swaplab, through the API of Docker or podman.

Pure: `facts` values · `wire` the engine's JSON read · `where` which socket · `layers` how far a pull is · `tags` which
tag is newer · `image_users` who uses an image · `ownership` whose a container is, and what was left behind · `advice`
what is unwise in a model's `docker run` · `written` entries as words · `nodes` other machines' images, as commands and
what they print · `views`, `pages`, `offers` what is shown and offered · `shapes` what older clients read.

The world: `adapter` the engine, through aiodocker, which is imported when the first question is asked · `registry`
lists of tags, kept by `remote_tags` · `live` what is known now, and the watch over it · `fleet` all machines · `keeper`
that nothing outlives its model.

`plugin` the hooks · `actions` plans, `routes` and `diagnostics` answers · `settings` what the operator may write.
`testing_*` are a real engine, a small fake one that passes the same contract, and a registry, for tests.
"""
