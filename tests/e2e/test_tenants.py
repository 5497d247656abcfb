"""No tenant sees or changes what belongs to another, and no key does more than it may."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
import pytest_asyncio

from api_edge.auth.secret_texts import secret_text
from api_edge.http.bodies import path_names
from api_edge.routes import COMMANDS, QUERIES
from api_edge.routing import QueryRoute
from deploy.local.stack import Stack
from tests.e2e.support_http import Http, Json, is_problem
from tests.e2e.support_shop import Shop, open_shop

pytestmark = pytest.mark.timeout(240)  # the first of them starts the product
FARM = ("/v1/nodes",)  # the farm's nodes are everybody's


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """Two tenants with a template each."""
    async with open_shop(stack) as opened:
        yield opened


async def owned(http: Http, project: str) -> dict[str, str]:
    """One of everything that a tenant can own, by the name that it has in paths."""
    upload = await http.open_upload("mine.bin", 10)
    file = (await http.get(f"/v1/projects/{project}"))["file_id"]
    saved = await http.post("/v1/saved-projects", {"project_id": project, "name": "mine"})
    key = await http.post("/v1/api-keys", {"name": "mine", "scopes": ["files:read"]})
    submitted = await http.send("POST", "/v1/renders", {"saved_project_id": saved["saved_project_id"], "width": 160, "height": 90})
    job = submitted.json["job_id"]
    await http.ended(job)
    picture = await http.post("/v1/snapshots", {"project_id": project, "width": 160, "height": 90})
    await http.until(f"/v1/snapshots/{picture['snapshot_id']}", lambda row: row["state"] == "done")
    told = await http.until("/v1/notifications", lambda page: bool(page["data"]))
    operation = submitted.headers["Content-Location"].rpartition("/")[2]
    ids = {"upload_id": upload["upload_id"], "file_id": file, "project_id": project, "job_id": job, "operation_id": operation}
    category = await http.post("/v1/categories", {"name": "mine"})
    ids |= {"category_id": category["category_id"]}
    ids |= {"saved_project_id": saved["saved_project_id"], "key_id": key["key_id"], "snapshot_id": picture["snapshot_id"]}
    return Ids(ids | {"notification_id": told["data"][0]["notification_id"]})


class Ids(dict[str, str]):
    """What a tenant owns by the names of paths; everything else (nodes, templates that were set aside) is somebody's whom nobody knows."""

    def __missing__(self, name: str) -> str:
        return str(uuid4())


def bodies(ids: dict[str, str]) -> dict[str, Json]:
    """Bodies of the commands that need one, so that only the id stands against them."""
    saving = {"project_id": ids["project_id"], "name": "stolen"}
    named = {"/v1/categories/{category_id}": {"name": "stolen"}}
    acts = {command.path: {"act": "retry"} for command in COMMANDS if command.path.startswith("/v1/effects/")}
    return {"/v1/uploads/{upload_id}/complete": {"etags": ['"x"']}, "/v1/saved-projects/{saved_project_id}": saving} | named | acts


def is_own(query: QueryRoute) -> bool:
    """Whether a query reads one thing of a tenant."""
    return query.one and bool(path_names(query.path)) and not query.path.startswith("/v1/nodes")


async def test_every_address_hides_what_belongs_to_another_tenant(shop: Shop) -> None:
    ids, stranger = await owned(shop.http, shop.project), shop.neighbour
    before = [await shop.http.get(query.path.format_map(ids)) for query in QUERIES if is_own(query)]
    for query in QUERIES:
        answer = await stranger.send("GET", query.path.format_map(ids))
        if query.scope.startswith("farm:") or query.admit:
            is_problem(answer, 401 if query.admit else 403)
        elif query.one and path_names(query.path):
            is_problem(answer, 404)
        else:
            assert answer.status == 200, answer
        if query.path not in FARM:
            # The id of a path that the stranger typed comes back as `instance`; nothing else of it may.
            told = answer.raw.replace(query.path.format_map(ids).encode(), b"")
            assert not [name for name, id in ids.items() if id.encode() in told], (query.path, answer)
    named = [command for command in COMMANDS if path_names(command.path)]
    asked = [
        (command.method, command.path.format_map(ids), {} if command.method == "DELETE" else bodies(ids).get(command.path, {}))
        for command in named
    ]
    # At once, as some are tried again for a while: another domain may be about to tell of what they name.
    for command, answer in zip(named, await asyncio.gather(*(stranger.send(*one) for one in asked)), strict=True):
        is_problem(answer, 401 if command.admit else 403 if command.scope.startswith("farm:") else 404)
    after = [await shop.http.get(query.path.format_map(ids)) for query in QUERIES if is_own(query)]
    assert [_lasting(row) for row in before] == [_lasting(row) for row in after]


def _lasting(row: Json) -> Json:
    """A row without its addresses, which are signed anew each time."""
    return {name: value for name, value in row.items() if name not in ("url", "parts")}


async def test_what_another_tenant_owns_cannot_be_named_in_a_body(shop: Shop) -> None:
    ids = await owned(shop.neighbour, shop.theirs)
    file, theirs = ids["file_id"], ids["project_id"]
    order, scene = shop.order(), {"scene": "main"}
    asked: list[tuple[str, Json, str]] = [
        ("/v1/projects", {"name": "stolen", "file_id": file}, "file_id"),
        ("/v1/saved-projects", {"name": "stolen", "project_id": theirs}, "project_id"),
        ("/v1/renders", order | {"project_id": theirs}, "project_id"),
        ("/v1/renders", {"saved_project_id": ids["saved_project_id"]}, "saved_project_id"),
        ("/v1/renders", order | {"audio": [{"kind": "music", "file_id": file}]}, "audio[0].file_id"),
        ("/v1/renders", order | {"fonts": [file]}, "fonts[0]"),
        ("/v1/renders?dry_run=true", order | {"project_id": theirs}, "project_id"),
    ]
    answers = await asyncio.gather(*(shop.http.send("POST", path, body) for path, body, _ in asked))
    for answer, (_, _, field) in zip(answers, asked, strict=True):
        is_problem(answer, 404, "", field)
    refused = await shop.http.send("POST", "/v1/renders", order | {"scenes": [scene | {"pictures": {"frl_title": file}}]})
    is_problem(refused, 422, "", "scenes[0].pictures.frl_title")


async def test_a_stream_and_the_log_tell_a_tenants_own_events_only(shop: Shop) -> None:
    heard: list[bytes] = []
    ready = asyncio.Event()

    async def listen(**wanted: str) -> None:
        async with shop.neighbour.http.get(f"{shop.stack.url}/v1/events", params=wanted) as answer:
            async for line in answer.content:
                ready.set()
                heard.append(line)

    listening = asyncio.create_task(listen())
    await asyncio.wait_for(ready.wait(), 60)
    job = await shop.http.render(shop.project, scenes=[{"scene": "main", "texts": {"frl_title": "a secret"}}], metadata={"secret": 1})
    nosy = asyncio.create_task(listen(job_id=job, after="0"))
    assert (await shop.http.ended(job))["state"] == "completed"
    own = await shop.neighbour.render(shop.theirs)
    await shop.neighbour.ended(own)
    while not any(own.encode() in line and b"completed" in line for line in heard):
        await asyncio.sleep(0.05)  # events come in one order: what is of the other's job would be here by now
    assert not [line for line in heard if job.encode() in line or b"secret" in line]
    log, cursor = "", ""
    while True:
        page = await shop.neighbour.send("GET", f"/v1/log?limit=500{cursor}")
        log += page.raw.decode()
        if not page.json["next_cursor"]:
            break
        cursor = f"&cursor={page.json['next_cursor']}"
    assert own in log and job not in log and shop.project not in log
    for task in (listening, nosy):
        task.cancel()


async def test_an_object_is_had_by_its_signed_address_alone(shop: Shop) -> None:
    job = await shop.http.ended(await shop.http.render(shop.project))
    address, _, signature = job["url"].partition("?")
    theirs = await shop.neighbour.get(f"/v1/files/{(await shop.neighbour.get(f'/v1/projects/{shop.theirs}'))['file_id']}")
    for forged in (address, f"{theirs['url'].partition('?')[0]}?{signature}", f"{address}?{signature[:-4]}0000"):
        async with shop.http.plain.get(forged) as answer:
            assert answer.status == 403, (forged, answer.status)


async def status(stack: Stack, **headers: str) -> tuple[int, Json]:
    """What /v1/me answers to these headers."""
    async with aiohttp.ClientSession() as http, http.get(f"{stack.url}/v1/me", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_missing_malformed_or_forged_key_opens_nothing(shop: Shop, stack: Stack) -> None:
    _, id, secret, _ = shop.tenant.api_key.split("_")
    other = shop.neighbour.api_key.split("_")[2]
    assert (await status(stack))[1]["code"] == "auth.missing"
    forged = [f"fr_{id}_{other}", f"fr_{id}_", f"fr_{id}", f"fr_{uuid4().hex}_{secret}", f"xx_{id}_{secret}", "fr__", "\u00e9", "a" * 4000]
    forged += [secret_text("fr", UUID(id), other), secret_text("fr", uuid4(), secret)]
    upper = shop.tenant.api_key.upper().replace("FR", "fr")
    torn = [f"fr1_{id}_{secret}", shop.tenant.api_key[:-1], f"fr1_{id}_{other}_{'0' * 8}", "fr1_", upper]
    for keys, code in ((forged, "auth.invalid"), (torn, "auth.malformed")):
        for key in keys:
            assert (await status(stack, **{"X-Api-Key": key}))[0] == 401, key
            assert (await status(stack, Authorization=f"Bearer {key}"))[1]["code"] == code, key
    assert (await status(stack, Authorization=f"Basic {shop.tenant.api_key}"))[0] == 401
    assert (await status(stack, Authorization=f"Bearer {shop.tenant.api_key}"))[0] == 200


async def test_a_key_does_what_its_scopes_say_and_gives_no_more(shop: Shop, stack: Stack) -> None:
    made = await shop.http.post("/v1/api-keys", {"name": "reader", "scopes": ["files:read", "identity:write"]})
    async with Http(stack.url, made["key"]) as reader:
        assert (await reader.send("GET", "/v1/files")).status == 200
        asked: list[tuple[str, str, Any]] = [
            ("GET", "/v1/renders", None),
            ("POST", "/v1/renders", shop.order()),
            ("GET", "/v1/events", None),
        ]
        for method, path, body in asked:
            is_problem(await reader.send(method, path, body), 403, "auth.scope")
        is_problem(await reader.send("POST", "/v1/api-keys", {"name": "more", "scopes": ["*"]}), 403, "auth.scope", "scopes")


async def test_a_revoked_key_is_dead_at_once_and_its_open_stream_ends(shop: Shop, stack: Stack) -> None:
    made = await shop.http.post("/v1/api-keys", {"name": "short lived", "scopes": ["*"]})
    async with Http(stack.url, made["key"]) as brief:
        async with brief.http.get(f"{stack.url}/v1/events") as stream:
            assert await stream.content.readline()
            await shop.http.send("DELETE", f"/v1/api-keys/{made['key_id']}")
            rest = await asyncio.wait_for(stream.content.read(), 60)  # it ends by itself
            assert b"revoked" in rest
        is_problem(await brief.send("GET", "/v1/me"), 401, "auth.invalid")
        is_problem(await brief.send("GET", "/v1/events"), 401, "auth.invalid")
    again = await shop.http.send("DELETE", f"/v1/api-keys/{made['key_id']}")
    assert again.status == 200, again
