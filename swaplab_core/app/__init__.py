"""The composition root: every object of the program is built here, once, by hand. And the life of the server.

`files` reads a configuration, `options` say how to serve, `lab` connects everything (with `access`, `memory`, `recipes`
and `store`), `life` listens, serves and ends.
"""
