"""The OpenAPI document of the server, made from its route table.

`document` puts it together · `operation` is what can be said of one route, `operations` says it of all, `control` of
those of the control plane · `shapes` are the values they share · `schema` is the way to write a schema, or to make one
of a class.
"""
