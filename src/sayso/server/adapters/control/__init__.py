"""The control plane over HTTP: Litestar, msgspec bodies, RFC 9421 signatures, RFC 9457 problems.

operations   the table: path, body, answer, problems; handlers and documents are made from it
bodies       JSON bodies, decoded strictly
signed       who a request is from: signature and nonce, before a service sees it
answers      status, fields and bytes of an answer; problems
openapi      the OpenAPI 3.1 document, from the table
app          the Litestar application

A request goes app → signed → bodies → a service of `sayso.server.services` → answers. No library logs a request, and no
answer repeats what was sent.
"""
