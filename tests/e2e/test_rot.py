"""Stored bytes that rot, and frames that a person doubts: found, and only the segments concerned are drawn again."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore
from deploy.local.stack import BUCKET, Stack
from templates.samples import simple
from tests.chaos.tenants import Tenants
from tests.e2e.support_http import Http, Json, is_problem

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]
SECONDS = 5  # one segment each, of ten frames
VERIFIED = """
    select (body::jsonb->>'frames')::int as frames, body::jsonb->>'key' as key from log.events
    where type = 'evt.render.segment.verified.v1' and tenant_id = $1 order by position
"""
STORED = """
    select j.idx, s.segment_key, s.object_key, s.sha256, s.epoch
    from render.job_segments j join render.segments s using (tenant_id, segment_key) where j.tenant_id = $1 and j.job_id = $2 order by j.idx
"""


class Film:
    """A finished render of a tenant of its own, with eyes and hands on what is stored of it."""

    def __init__(self, stack: Stack, http: Http, tenant: UUID, conn: asyncpg.Connection, store: ObjectStore) -> None:
        self.stack, self.http, self.tenant, self.conn, self.store = stack, http, tenant, conn, store
        self.project, self.job = "", ""
        self.export: Json = {}

    async def make(self) -> None:
        self.project = (await self.http.template("film.json", simple("rot", SECONDS)))["project_id"]
        self.job = await self.http.render(self.project)
        self.export = await self.http.ended(self.job)
        assert self.export["state"] == "completed", self.export
        assert [row["frames"] for row in await self.drawn()] == [10] * SECONDS

    async def stored(self) -> list[asyncpg.Record]:
        return list(await self.conn.fetch(STORED, self.tenant, UUID(self.job)))

    async def drawn(self) -> list[asyncpg.Record]:
        """Every segment that was ever accepted of this tenant, in order."""
        return list(await self.conn.fetch(VERIFIED, self.tenant))

    async def flip(self, key: str) -> None:
        """Let some bytes of an object rot where it lies."""
        data = bytearray(await self.store.get(key, 1 << 20))
        data[len(data) // 2] ^= 0xFF
        await self.store.put(key, bytes(data))

    async def repaired(self, count: int = 1) -> list[Json]:
        """The render's repairs once that many have ended."""
        answer = await self.http.until(
            f"/v1/renders/{self.job}/repairs",
            lambda page: len(page["data"]) >= count and all(row["state"] in ("done", "failed", "cancelled") for row in page["data"]),
        )
        return list(answer["data"])

    async def place(self) -> str:
        """Where the export lies."""
        row = await self.conn.fetchrow(
            "select object_key from render.exports where tenant_id = $1 and job_id = $2", self.tenant, UUID(self.job)
        )
        return str(row["object_key"])

    async def fetched(self) -> str:
        """The SHA-256 of the export as a customer gets it, once there is one to be had; it is the one that is told."""
        row = await self.http.until(f"/v1/renders/{self.job}", lambda row: bool(row["url"]))
        async with self.http.plain.get(row["url"]) as answer:
            found = hashlib.sha256(await answer.read()).hexdigest()
        assert found == row["sha256"]
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def film(stack: Stack) -> AsyncIterator[Film]:
    async with Tenants(stack) as tenants:
        tenant = await tenants.new("rot")
    servers = stack.servers
    conn = await asyncpg.connect(servers.pg_admin_dsn)
    try:
        async with (
            Http(stack.url, tenant.api_key) as http,
            ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as store,
        ):
            made = Film(stack, http, tenant.id, conn, store)
            await made.make()
            yield made
    finally:
        await conn.close()


async def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *arguments]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)


def keys(rows: list[Any]) -> list[str]:
    return [row["key"] for row in rows]


async def test_flipped_bytes_are_found_by_the_scrubber_and_only_their_segment_is_drawn_again_to_the_same_bytes(film: Film) -> None:
    before = await film.stored()
    await film.flip(before[2]["object_key"])
    ran = await cli("scrub", "--data", str(film.stack.data), "--json")
    assert ran.returncode == 0, ran.stderr
    mine = [one for one in msgspec.json.decode(ran.stdout)["findings"] if one["tenant_id"] == str(film.tenant)]
    assert [(one["kind"], one["name"], one["found"]) for one in mine] == [("segment", before[2]["segment_key"], "rot")]
    (repair,) = await film.repaired()
    assert (repair["state"], repair["cause"], repair["identical"]) == ("done", "rot", True), repair
    assert keys((await film.drawn())[SECONDS:]) == [before[2]["segment_key"]]
    after = await film.stored()
    assert [row["sha256"] for row in after] == [row["sha256"] for row in before]
    assert [a["object_key"] != b["object_key"] for a, b in zip(after, before, strict=True)] == [False, False, True, False, False]
    assert await film.store.sha256(after[2]["object_key"]) == before[2]["sha256"]
    assert await film.fetched() == film.export["sha256"]


async def test_a_stored_segment_that_is_gone_is_drawn_again(film: Film) -> None:
    before = await film.stored()
    await film.store.delete(before[0]["object_key"])
    assert (await cli("scrub", "--data", str(film.stack.data))).returncode == 0
    (repair,) = await film.repaired()
    assert (repair["state"], repair["cause"], repair["identical"]) == ("done", "missing", True), repair
    assert keys((await film.drawn())[SECONDS:]) == [before[0]["segment_key"]]


async def test_rot_that_an_assembly_meets_has_its_segment_drawn_again_and_the_film_still_comes_out_the_same(film: Film) -> None:
    before = await film.stored()
    spoilt = before[3]
    await film.flip(spoilt["object_key"])
    for cached in film.stack.data.glob(f"node-*/cache/*/{spoilt['sha256']}"):
        cached.write_bytes(b"not what was drawn")
    again = await film.http.ended(await film.http.render(film.project))
    assert (again["state"], again["sha256"]) == ("completed", film.export["sha256"]), again
    assert keys((await film.drawn())[SECONDS:]) == [spoilt["segment_key"]]


async def test_a_person_has_frames_drawn_again_by_the_command_line(film: Film) -> None:
    ran = await cli(
        "jobs", "repair", film.job, "--frames", "9-10,42", "--reason", "it flickers", "--url", film.http.url, "--api-key", film.http.api_key
    )
    assert ran.returncode == 0, ran.stderr
    (repair,) = await film.repaired()
    assert (repair["state"], repair["cause"], repair["identical"], repair["reason"]) == ("done", "person", True, "it flickers"), repair
    places = {row["segment_key"]: row["idx"] for row in await film.stored()}
    assert sorted(places[key] for key in keys((await film.drawn())[SECONDS:])) == [0, 1, 4]
    shown = await cli("jobs", "repairs", film.job, "--url", film.http.url, "--api-key", film.http.api_key)
    assert "the same" in shown.stdout and "it flickers" in shown.stdout, shown


async def test_a_damaged_export_is_joined_anew_without_drawing(film: Film) -> None:
    await film.flip(await film.place())
    await film.http.post(f"/v1/renders/{film.job}/repair", {"export": True})
    (repair,) = await film.repaired()
    assert repair["state"] == "done", repair
    assert await film.fetched() == film.export["sha256"]
    assert len(await film.drawn()) == SECONDS


async def shorter(film: Film, place: str) -> None:
    """Bytes are lost at the end."""
    await film.store.put(place, (await film.store.get(place, 1 << 30))[:-1])


DAMAGES: dict[str, tuple[str, Any]] = {
    "other bytes": ("damaged", lambda film, place: film.flip(place)),
    "fewer bytes": ("damaged", shorter),
    "no file": ("missing", lambda film, place: film.store.delete(place)),
}


async def test_an_export_that_is_not_what_was_verified_is_not_served_and_is_joined_anew_by_itself(film: Film) -> None:
    for count, (state, harm) in enumerate(DAMAGES.values(), 1):
        assert await film.fetched() == film.export["sha256"]
        place = await film.place()
        await harm(film, place)
        row = await film.http.get(f"/v1/renders/{film.job}")
        assert (row["state"], row["file"]) == ("completed", state) and not row["url"], row
        assert [row["state"] for row in await film.repaired(count)] == ["done"] * count
        assert await film.fetched() == film.export["sha256"] and await film.place() != place
    await film.flip(await film.place())  # nobody asks for it: the scrubber finds it
    assert (await cli("scrub", "--data", str(film.stack.data))).returncode == 0
    assert [row["state"] for row in await film.repaired(len(DAMAGES) + 1)] == ["done"] * (len(DAMAGES) + 1)
    assert await film.fetched() == film.export["sha256"]
    assert len(await film.drawn()) == SECONDS


async def test_frames_that_a_film_does_not_have_are_refused_with_the_bounds(film: Film) -> None:
    path = f"/v1/renders/{film.job}/repair"
    answer = await film.http.send("POST", path, {"frames": [50]})
    is_problem(answer, 422, "render.out_of_bounds", "frames")
    assert "0 to 49" in answer.json["detail"]
    is_problem(await film.http.send("POST", path, {"ranges": [{"first": 5, "last": 2}]}), 422, "render.out_of_bounds", "frames")
    is_problem(await film.http.send("POST", path, {}), 422, "render.no_frames", "frames")
    is_problem(await film.http.send("POST", path, {"frames": ["x"]}), 422, "request.invalid", "frames[0]")
    ran = await cli("jobs", "repair", film.job, "--frames", "3-x", "--url", film.http.url, "--api-key", film.http.api_key)
    assert ran.returncode == 2 and "3-x" in ran.stderr, ran


async def test_another_tenant_cannot_have_a_film_repaired_nor_see_its_repairs(film: Film) -> None:
    async with Tenants(film.stack) as tenants:
        stranger = await tenants.new("stranger")
    async with Http(film.stack.url, stranger.api_key) as http:
        is_problem(await http.send("POST", f"/v1/renders/{film.job}/repair", {"frames": [1]}), 404, "job.not_found")
        assert (await http.get(f"/v1/renders/{film.job}/repairs"))["data"] == []
