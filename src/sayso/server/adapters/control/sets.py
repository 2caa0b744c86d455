"""The enrolled set over HTTP: to anyone who asks, the same bytes, with nothing that tells one asker from another.

No signature, no cookie, no nonce; the only validator is the content's own hash. An address of a blob is that hash too.
"""

import re
from typing import Final

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler

from sayso.protocol.api import SET_BLOBS_PATH, SETS_PATH, ProblemType
from sayso.server.adapters.control.answers import JSON
from sayso.server.adapters.control.signed import HttpRequest
from sayso.server.errors import Refused
from sayso.server.services.enrolled_set import EnrolledSet

BLOB_PATH: Final = f"{SET_BLOBS_PATH}/{{sha256:str}}"
OCTETS: Final = "application/octet-stream"
_READ: Final = (HttpMethod.GET, HttpMethod.HEAD)
_MANIFEST_CACHE: Final = "public, max-age=300, no-transform"
_BLOB_CACHE: Final = "public, max-age=31536000, immutable, no-transform"
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RETRY_S: Final = 60


def names(request: HttpRequest, tag: str) -> bool:
    """Whether If-None-Match names what would be sent (RFC 9110, section 13.1.2)."""
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return bool(known & {f'"{tag}"', "*"})


def set_routes(sets: EnrolledSet) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @route(SETS_PATH, http_method=_READ, name="sets", media_type=JSON)
    async def manifest(request: HttpRequest) -> Response[bytes]:
        if sets.document is None:
            raise Refused(ProblemType.UNAVAILABLE, "The first set is being built.", retry_after_s=_RETRY_S)
        fields = {"ETag": f'"{sets.tag}"', "Cache-Control": _MANIFEST_CACHE}
        if names(request, sets.tag):
            return Response(b"", status_code=304, headers=fields, media_type=JSON)
        return Response(sets.document, headers=fields, media_type=JSON)

    @route(BLOB_PATH, http_method=_READ, name="setBlob", media_type=OCTETS)
    async def blob(request: HttpRequest) -> Response[bytes]:
        sha256 = str(request.path_params["sha256"])
        content = await sets.blob(bytes.fromhex(sha256)) if _SHA256.fullmatch(sha256) else None
        if content is None:
            raise Refused(ProblemType.NOT_FOUND, "No build that is kept has this blob: fetch the manifest.")
        fields = {"ETag": f'"{sha256}"', "Cache-Control": _BLOB_CACHE}
        if names(request, sha256):
            return Response(b"", status_code=304, headers=fields, media_type=OCTETS)
        return Response(content, headers=fields, media_type=OCTETS)

    return [manifest, blob]
