"""The enrolled set over HTTP: to everyone the same, with nothing that tells askers apart."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sayso.protocol.api import SET_BLOBS_PATH, SETS_PATH
from sayso.protocol.limits import LIMITS
from sayso.protocol.set_manifest import read_manifest
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server

HOST = ("Host", "chat.example:8080")
FIELDS_OF_ALL = {"etag", "cache-control", "content-type", "content-length", "x-content-type-options"}


def serve(folder: Path, scene: Callable[[ControlServer], Awaitable[None]]) -> None:
    async def main() -> None:
        async with control_server(folder) as server:
            await scene(server)

    run(main())


async def get(server: ControlServer, path: str, *fields: tuple[str, str], method: str = "GET") -> Answer:
    return await server.client.request(method, path, [HOST, *fields])


async def built(server: ControlServer) -> tuple[Answer, str]:
    """The manifest's answer, and the path of the first shard."""
    device = await server.enrolled()
    await server.control.sweep()
    answer = await get(server, SETS_PATH)
    manifest = read_manifest(answer.body, server_key=device.statement.server_key, pinned=device.pinned)
    return answer, f"{SET_BLOBS_PATH}/{manifest.sets[0].shards[0].hex()}"


def test_manifest_and_shards_are_served_to_anyone_under_their_own_hash(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        manifest, path = await built(server)
        shard = await get(server, path)
        for answer in (manifest, shard):
            assert answer.status == 200
            assert answer.field("etag") == f'"{hashlib.sha256(answer.body).hexdigest()}"'
            assert {name for name, _ in answer.fields} == FIELDS_OF_ALL
        assert path.endswith(hashlib.sha256(shard.body).hexdigest())
        assert shard.field("cache-control") == "public, max-age=31536000, immutable, no-transform"
        assert shard.field("content-type") == "application/octet-stream"

    serve(tmp_path, scene)


def test_everyone_is_given_the_same_whatever_they_say_of_themselves(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        _, path = await built(server)
        for address in (SETS_PATH, path):
            plain = await get(server, address)
            for telling in (
                ("Cookie", "who=me"),
                ("Authorization", "me"),
                ("User-Agent", "x"),
                ("Accept-Language", "de"),
            ):
                assert await get(server, address, telling) == plain
            head = await get(server, address, method="HEAD")
            assert head.fields == plain.fields

    serve(tmp_path, scene)


def test_a_validator_is_the_contents_own_hash(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        _, path = await built(server)
        for address in (SETS_PATH, path):
            tag = (await get(server, address)).field("etag") or ""
            assert (await get(server, address, ("If-None-Match", tag))).status == 304
            assert (await get(server, address, ("If-None-Match", f'"x", W/{tag}'))).body == b""
            assert (await get(server, address, ("If-None-Match", '"x"'))).status == 200

    serve(tmp_path, scene)


def test_before_the_first_build_one_is_told_to_wait(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        answer = await get(server, SETS_PATH)
        assert (answer.status, answer.problem, answer.field("retry-after")) == (503, "unavailable", "60")

    serve(tmp_path, scene)


@pytest.mark.parametrize(
    "name", ["0" * 64, "0" * 63, "A" * 64, "..%2fmanifest-1.json", "manifest-1.json", "\u0660" * 64, "0" * 64 + "%0a"]
)
def test_what_is_no_blob_is_not_found_and_nothing_of_it_is_kept_in_caches(tmp_path: Path, name: str) -> None:
    async def scene(server: ControlServer) -> None:
        await built(server)
        answer = await server.client.request(
            "GET", f"{SET_BLOBS_PATH}/{name}".encode("ascii", "ignore").decode(), [HOST]
        )
        assert (answer.status, answer.problem) == (404, "not-found")
        assert answer.field("cache-control") == "no-store"

    serve(tmp_path, scene)


def test_only_reading_is_allowed(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        _, path = await built(server)
        for address in (SETS_PATH, path):
            assert (await get(server, address, method="POST")).problem == "method-not-allowed"

    serve(tmp_path, scene)


def test_a_restart_serves_the_same_build(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            manifest, path = await built(server)
        async with control_server(tmp_path) as server:
            assert await get(server, SETS_PATH) == manifest
            assert (await get(server, path)).status == 200
            await server.control.sweep()
            assert await get(server, SETS_PATH) == manifest
            server.clock.seconds += LIMITS.set_build_s
            await server.control.sweep()
            assert await get(server, SETS_PATH) != manifest

    run(main())
