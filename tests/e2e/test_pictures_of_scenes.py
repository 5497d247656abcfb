"""A picture of a scene: asked for over HTTP, drawn by a node, the same as the film's frame, and drawn once."""

import io
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import av
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from adapters.object_store import ObjectStore
from deploy.local.stack import BUCKET, Stack
from tests.e2e.support_http import Json, is_problem
from tests.e2e.support_shop import Shop, open_shop

pytestmark = pytest.mark.timeout(240)
SIZE = {"width": 320, "height": 180, "rate": [10, 1]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """Two tenants with a template each."""
    async with open_shop(stack) as opened:
        yield opened


async def drawn(shop: Shop, **more: object) -> Json:
    asked = await shop.http.post("/v1/snapshots", {"project_id": shop.project, **SIZE} | more)
    return await shop.http.until(f"/v1/snapshots/{asked['snapshot_id']}", lambda row: row["state"] in ("done", "failed"))


async def fetched(row: Json, kind: str) -> io.BytesIO:
    async with aiohttp.ClientSession() as session, session.get(row["url"]) as answer:
        assert (answer.status, answer.content_type) == (200, kind)
        return io.BytesIO(await answer.read())


async def picture(row: Json) -> Image.Image:
    return Image.open(await fetched(row, "image/png"))


async def test_a_picture_of_a_scene_is_drawn_once_and_shows_the_values(shop: Shop) -> None:
    first = await drawn(shop, at=0.5)
    assert (first["state"], first["frame"], first["width"], first["height"]) == ("done", 5, 320, 180), first
    found = await picture(first)
    assert (found.format, found.size) == ("PNG", (320, 180)) and np.asarray(found).std() > 1
    again = await drawn(shop, at=0.5)
    assert (again["snapshot_id"], again["sha256"], again["updated_at"]) == (first["snapshot_id"], first["sha256"], first["updated_at"])
    other = await drawn(shop, at=0.5, background="#2040A0")
    assert other["snapshot_id"] != first["snapshot_id"]


async def test_a_picture_is_the_frame_that_the_film_shows(shop: Shop) -> None:
    film = await shop.http.ended(await shop.http.render(shop.project, **SIZE, quality="high"))
    with av.open(await fetched(film, "video/mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    found = np.asarray(await picture(await drawn(shop, at=0.7))).astype(int)
    apart = [float(np.abs(found - frame).mean()) for frame in frames]
    assert apart[7] < 3 and apart[7] == min(apart), apart


async def test_what_cannot_be_is_refused_with_its_bounds(shop: Shop) -> None:
    body = {"project_id": shop.project, **SIZE}
    is_problem(await shop.http.send("POST", "/v1/snapshots", body | {"at": 1e9}), 422, "render.out_of_bounds", "at")
    is_problem(await shop.http.send("POST", "/v1/snapshots", body | {"position": 7}), 422, "render.out_of_bounds", "position")
    is_problem(await shop.http.send("POST", "/v1/snapshots", body | {"width": 7}), 422, "request.invalid", "width")
    is_problem(await shop.http.send("POST", "/v1/snapshots", body | {"project_id": shop.theirs}), 404, "project.not_found", "project_id")
    assert (await shop.http.send("GET", f"/v1/snapshots/{uuid4()}")).status == 404


async def test_another_tenants_picture_is_not_there(shop: Shop) -> None:
    row = await drawn(shop, at=0.0)
    assert (await shop.neighbour.send("GET", f"/v1/snapshots/{row['snapshot_id']}")).status == 404


@pytest.mark.parametrize("harm", ["other bytes", "no file"])
async def test_a_picture_that_is_not_what_was_drawn_is_not_served_and_is_drawn_when_it_is_asked_for_again(shop: Shop, harm: str) -> None:
    look = {"at": 0.3, "background": "#102030" if harm == "no file" else "#203040"}
    first = await drawn(shop, **look)
    servers = shop.stack.servers
    conn = await asyncpg.connect(servers.pg_admin_dsn)
    place = await conn.fetchval("select object_key from render.snapshots where snapshot_id = $1", UUID(first["snapshot_id"]))
    await conn.close()
    async with ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as store:
        await (store.put(place, b"<html>") if harm == "other bytes" else store.delete(place))
    path = f"/v1/snapshots/{first['snapshot_id']}"
    row = await shop.http.get(path)
    assert not row["url"], row
    row = await shop.http.until(path, lambda row: row["state"] == "failed")
    assert (row["code"], row["url"]) == ("snapshot.spoilt", ""), row
    again = await drawn_anew(shop, **look)
    assert (again["state"], again["snapshot_id"], again["sha256"]) == ("done", first["snapshot_id"], first["sha256"]), again
    assert (await picture(again)).size == (320, 180)


async def drawn_anew(shop: Shop, **more: object) -> Json:
    asked = await shop.http.post("/v1/snapshots", {"project_id": shop.project, **SIZE} | more)
    return await shop.http.until(f"/v1/snapshots/{asked['snapshot_id']}", lambda row: row["state"] == "done" and row["url"])


async def test_a_text_that_is_too_long_is_told_before_the_film_is_made_while_it_is_and_after(shop: Shop) -> None:
    body = {"project_id": shop.project, **SIZE, "scenes": [{"scene": "main", "texts": {"frl_title": "much too long " * 20}}]}

    def of_text(warnings: list[Json]) -> set[tuple[str, str]]:
        return {(one["code"], one["scene"]) for one in warnings if one["code"].startswith("text.") and one["element"] == "frl_title"}

    foreseen = await shop.http.send("POST", "/v1/renders?dry_run=true", body)
    assert foreseen.status == 200 and of_text(foreseen.json["warnings"]), foreseen
    pictured = of_text((await drawn(shop, scenes=body["scenes"]))["warnings"])
    assert pictured and {scene for _, scene in pictured} == {"main"}
    for _ in range(2):  # the second film takes up what the first one had drawn
        film = await shop.http.ended(await shop.http.render(shop.project, **SIZE, scenes=body["scenes"]))
        assert film["state"] == "completed" and of_text(film["warnings"]) == pictured
        assert of_text((await shop.http.get(f"/v1/renders/{film['job_id']}/explain"))["warnings"]) == pictured
    async with shop.http.http.get(f"{shop.stack.url}/v1/events?job_id={film['job_id']}&types=render.job.warned") as answer:
        stream = await answer.text()
    assert stream.count("event: render.job.warned") == 1 and "frl_title" in stream
