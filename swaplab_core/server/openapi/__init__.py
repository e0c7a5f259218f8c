"""The OpenAPI document of the server, made from its route table.

`document` puts it together · `operations` says what the routes take and answer · `shapes` are the values they share ·
`schema` is the way to write a schema, or to make one of a class.
"""
