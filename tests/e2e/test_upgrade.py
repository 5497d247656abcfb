"""What an earlier release had promised when all of it was killed, this release keeps: `tests/upgrade` says how such a folder is made."""

import asyncio
import json
import platform
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Frame, api, connect, store
from adapters.settings import Settings
from contracts.envelope import first
from contracts.message import PLATFORM, encode, type_of
from contracts.node import PROTOCOL, RegisterNode
from deploy.check.bounds import Bounds
from deploy.check.fast import place
from deploy.check.full import check_whole
from deploy.local.servers import NATS_ADMIN
from deploy.local.stack import CHECK, Stack
from deploy.replay import verify
from tests.chaos.client import Client
from tests.chaos.tenants import Tenants
from tests.e2e.support_http import Answer, Http, Json
from tests.e2e.support_rogue import lines
from tests.upgrade.ageing import bring_to_today
from tests.upgrade.make import PREFIX
from tests.upgrade.packing import unpack
from tests.upgrade.work import PART, Listener, tone

pytestmark = pytest.mark.timeout(300)
KEPT = sorted((Path(__file__).parents[1] / "data").glob("20*"))
SOON = 60.0  # seconds
ENDED = ("done", "refused", "quarantined")


class Risen(NamedTuple):
    """This release on an earlier one's folder."""

    stack: Stack
    http: Http
    conn: asyncpg.Connection
    facts: Json
    template: bytes

    def promise(self, name: str) -> Json:
        return next(one for one in self.facts["promises"] if one["name"] == name)

    async def again(self, promise: Json) -> Answer:
        """The same request once more, under its key."""
        return await self.http.send(promise["method"], promise["path"], promise["body"], Idempotency_Key=promise["key"])

    async def end(self, promise: Json) -> Json:
        """The operation of an accepted request, once it has ended."""
        return await self.http.until(f"/v1/operations/{promise['operation']}", lambda row: row["state"] in ENDED)

    async def count(self, statement: str, *values: Any) -> int:
        found: int = await self.conn.fetchval(statement, *values)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=KEPT, ids=lambda path: path.name)
async def risen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Risen]:
    folder: Path = request.param
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    if facts["machine"] != platform.machine():
        pytest.skip(f"a film that was begun on {facts['machine']} is drawn to its end there")
    data = tmp_path_factory.mktemp("risen") / "data"
    unpack(folder / "folder.tar.xz", data)
    await bring_to_today(data, datetime.fromisoformat(facts["made"]))
    async with Stack(data, nodes=2) as stack, Http(stack.url, facts["first key"]) as http:
        conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
        await conn.execute("set app.tenants = '*'")
        yield Risen(stack, http, conn, facts, (folder / "template.json").read_bytes())
        await conn.close()


async def test_every_accepted_operation_comes_to_its_end(risen: Risen) -> None:
    ends = {one["name"]: (await risen.end(one))["state"] for one in risen.facts["promises"]}
    assert ends == {one["name"]: one["end"] for one in risen.facts["promises"]}


async def test_what_was_queued_is_done_once(risen: Risen) -> None:
    saved = await risen.http.get("/v1/saved-projects")
    keys = await risen.http.get("/v1/api-keys")
    projects = await risen.http.get("/v1/projects")
    uploads = await risen.http.get("/v1/uploads")
    named = Counter(row["name"] for page in (saved, keys, projects, uploads) for row in page["data"] if row["name"].startswith("queued "))
    assert named == {"queued save": 1, "queued key": 1, "queued project": 1, "queued upload": 1}
    logged = (
        "select body::json->>'name' as name, count(*) as count from log.events where body::json->>'name' like 'queued %' group by 1, type"
    )
    async with asyncio.timeout(SOON):
        while not (events := await risen.conn.fetch(logged)):  # what is decided is on its way into the log
            await asyncio.sleep(0.05)
    assert all(row["count"] == 1 for row in events), events
    notifications = (await risen.http.get("/v1/notifications"))["data"]
    assert {row["notification_id"]: row["seen"] for row in notifications}.items() >= {
        risen.facts["seen"]: True,
        risen.facts["unseen"]: True,
    }.items()
    project = id_of(await risen.end(risen.promise("queued project")), "project_id")
    await risen.http.until(f"/v1/projects/{project}", lambda row: row["state"] == "published")
    film = await risen.http.ended(id_of(await risen.end(risen.promise("queued film")), "job_id"))
    assert film["state"] == "completed", film
    assert (await risen.http.ended(risen.facts["doomed film"]))["state"] == "cancelled"


def id_of(operation: Json, name: str) -> str:
    return str(operation["body"][name])


async def test_the_old_log_is_the_beginning_of_the_new_one(risen: Risen) -> None:
    log = risen.facts["log"]
    found = await risen.conn.fetchrow(f"{PREFIX} where position <= $1", log["head"])
    assert dict(found.items()) == {"count": log["events"], "max": log["head"], "md5": log["md5"]}


async def test_an_effect_that_was_due_and_a_queued_one_are_run(risen: Risen) -> None:
    queued = id_of(await risen.end(risen.promise("queued upload")), "upload_id")
    for upload in (risen.facts["not opened"], queued):
        assert (await risen.http.until(f"/v1/uploads/{upload}", lambda row: row["state"] != "started"))["state"] == "open"


async def test_a_timer_waits_for_its_moment_still(risen: Risen) -> None:
    half = risen.facts["half"]["upload_id"]
    due = "select count(*) from file_mgr.timers where body->>'upload_id' = $1 and due_at > now() + interval '23 hours'"
    assert await risen.count(due, half) == 1
    assert (await risen.http.get(f"/v1/uploads/{half}"))["state"] == "open"


async def test_half_an_upload_is_sent_to_its_end_and_a_queued_end_is_an_end(risen: Risen) -> None:
    half, whole = risen.facts["half"], risen.facts["whole"]
    upload = await risen.http.get(f"/v1/uploads/{half['upload_id']}")
    etags = await risen.http.put(upload | {"parts": upload["parts"][1:]}, tone(half["bytes"])[PART:])
    await risen.http.post(f"/v1/uploads/{half['upload_id']}/complete", {"etags": [*half["etags"], *etags]})
    for one in (half, whole):
        file = await risen.http.until(f"/v1/files/{one['file_id']}", lambda row: row["state"] in ("ready", "rejected"))
        assert (file["state"], file["kind"], file["bytes"]) == ("ready", "audio", one["bytes"]), file


async def test_films_that_were_done_are_there(risen: Risen) -> None:
    async with Client(risen.stack.url, risen.facts["first key"]) as client:
        for job, sha256 in risen.facts["films"].items():
            film = await risen.http.get(f"/v1/renders/{job}")
            assert (film["state"], film["sha256"]) == ("completed", sha256)
            assert await client.download(film["url"], sha256)


async def test_a_film_that_was_being_drawn_is_the_film_that_is_drawn_now(risen: Risen) -> None:
    drawn = await risen.http.ended(risen.facts["drawn"])
    async with Tenants(risen.stack) as tenants:
        tenant = await tenants.new("after the upgrade")
    async with Http(risen.stack.url, tenant.api_key) as http:
        project = (await http.template("heavy.json", risen.template))["project_id"]
        wanted = await http.ended(await http.render(project, **risen.facts["order"]))
    assert (drawn["state"], wanted["state"]) == ("completed", "completed"), (drawn, wanted)
    builds = await risen.conn.fetch("select distinct engine_build, encoder_build from render.render_nodes where engine_build <> ''")
    if [dict(row) for row in builds] == [risen.facts["builds"]]:  # other builds may draw other pixels
        assert drawn["sha256"] == wanted["sha256"]
    assert drawn["frames_done"] == wanted["frames_done"]


async def test_a_paused_film_is_paused_until_it_is_resumed(risen: Risen) -> None:
    paused = risen.facts["paused"]
    assert (await risen.http.get(f"/v1/renders/{paused}"))["paused"]
    await risen.http.post(f"/v1/renders/{paused}/resume", None)
    assert (await risen.http.ended(paused))["state"] == "completed"


async def test_reports_that_nobody_had_read_and_those_on_the_nodes_disks_are_heard(risen: Risen) -> None:
    told = [*risen.facts["reports"], *risen.facts["spooled"]]
    assert told and risen.facts["spooled"]
    async with asyncio.timeout(SOON):
        while list(risen.stack.data.glob("node-*/spool/*.json")):
            await asyncio.sleep(0.05)
    servers = risen.stack.servers
    login = {"nats_url": servers.nats_url, "nats_user": NATS_ADMIN, "nats_password": servers.secrets.get("nats.admin")}
    nc = await connect(Settings.model_validate(login), "test", within=10)
    async with asyncio.timeout(SOON):
        while (info := await api(nc, "CONSUMER.INFO.REPORTS.render"))["num_pending"] + info["num_ack_pending"]:
            await asyncio.sleep(0.05)
    await nc.close()
    head = risen.facts["log"]["head"]
    segments = [one for one in told if "segment" in one["type"]]
    accepted = 0
    for one in segments:
        verified = "select body::json->>'part_id' from log.events where type = 'evt.render.segment.verified.v1' and body::json->>'key' = $1"
        parts = [row[0] for row in await risen.conn.fetch(verified, one["key"])]
        assert len(parts) == 1, f"the segment {one['key']} was accepted {len(parts)} times"
        accepted += parts == [one["part_id"]]
    refused = """
        select count(*) from log.events
        where position > $1 and type = 'evt.render.command.refused.v1' and body::json->>'command_type' = $2
    """
    late = await risen.count(refused, head, segments[0]["type"])
    assert accepted and accepted + late >= len(segments), f"of {len(segments)} reports {accepted} were accepted, {late} refused"


async def test_keys_work_and_revoked_ones_do_not(risen: Risen) -> None:
    keys = risen.facts["keys"]
    await risen.end(risen.promise("queued revoke"))
    status = {}
    for name, key in {**keys, "first": risen.facts["first key"]}.items():
        async with Http(risen.stack.url, key) as http:
            status[name] = (await http.send("GET", "/v1/me")).status
    assert status == {"kept": 200, "first": 200, "revoked": 401, "doomed": 401}
    assert risen.stack.api_key == risen.facts["first key"]


async def test_a_request_that_was_sent_before_gets_its_old_answer_and_does_nothing_twice(risen: Risen) -> None:
    for one in risen.facts["promises"]:
        await risen.end(one)
    tables = ("studio.saved_projects", "identity.tenant_api_keys", "file_mgr.upload_sessions", "content.projects", "render.render_jobs")
    before = {table: await risen.count(f"select count(*) from {table}") for table in (*tables, "render.join_tokens")}
    for promise in risen.facts["promises"]:
        answer = await risen.again(promise)
        if promise["status"] != 202:
            assert (answer.status, _lasting(answer.json)) == (promise["status"], _lasting(promise["answer"])), promise["name"]
        elif promise["end"] == "done":
            assert answer.status in (200, 201), (promise["name"], answer)
            known = (await risen.end(promise)).get("body") or {}
            assert answer.json.items() >= known.items(), promise["name"]
        else:
            assert answer.json["code"] == (await risen.end(promise))["problem"]["code"], promise["name"]
    assert {table: await risen.count(f"select count(*) from {table}") for table in before} == before


def _lasting(answer: Json) -> Json:
    """An answer without what names the one request."""
    return {name: value for name, value in answer.items() if name not in ("request_id", "instance")}


async def test_the_feed_goes_on_behind_the_id_that_a_client_had_noted(risen: Risen) -> None:
    heard = [tuple(one) for one in risen.facts["heard"]]
    noted = risen.facts["noted"]
    behind = heard[[id for id, _ in heard].index(noted) + 1 :]
    feed = Listener(risen.stack.url, risen.facts["first key"], noted)
    listening = asyncio.create_task(feed.run())
    await risen.http.post("/v1/saved-projects", {"project_id": risen.facts["project"], "name": "after the upgrade"})
    async with asyncio.timeout(SOON):
        while ("studio.saved_project.saved" not in [type for _, type in feed.heard[len(behind) :]]) and not listening.done():
            await asyncio.sleep(0.05)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert feed.heard[: len(behind)] == behind
    assert len({id for id, _ in feed.heard}) == len(feed.heard)


async def test_a_node_of_the_commit_before_is_told_that_its_protocol_is_old(risen: Risen) -> None:
    node, old = risen.facts["node"], risen.facts["protocol"]
    login = Settings.model_validate({"nats_url": risen.stack.servers.nats_url, "nats_user": node["user"], "nats_password": node["secret"]})
    nc = await connect(login, "old-hand", within=20)
    report = RegisterNode(protocol=old, name="old-hand", slots=0, version="0", platform="none", **risen.facts["builds"])
    envelope = first(report, tenant=PLATFORM, actor=f"node:{node['id']}")
    await store(nc, [Frame(type_of(report).subject(UUID(node["id"])), lines(envelope.headers()), encode(report))])
    await nc.close()
    told = "select type, body::json->>'code' as code, body::json->>'detail' as detail from log.events where position > $1 and actor = $2"
    async with asyncio.timeout(SOON):
        while not (found := await risen.conn.fetch(told, risen.facts["log"]["head"], f"node:{node['id']}")):
            await asyncio.sleep(0.05)
    if old != PROTOCOL:
        assert [row["code"] for row in found] == ["node.protocol"], found
        assert f"protocol {PROTOCOL}" in found[0]["detail"], found


async def test_a_join_token_that_was_not_used_is_known(risen: Risen) -> None:
    body = {"name": "newcomer", "secret_sha256": "0" * 64}
    async with Http(risen.stack.url, "") as stranger:
        answer = await stranger.send("POST", "/v1/nodes/join", body, Authorization=f"Bearer {risen.facts['token']}")
    assert answer.status == 201 or answer.json["code"] == "join.token_expired", answer


async def test_nothing_is_in_quarantine(risen: Risen) -> None:
    found = await risen.conn.fetch("select type, outcome->'problem'->>'detail' as why from read.operations where state = 'quarantined'")
    assert not found, [dict(row) for row in found]


async def test_replay_gives_the_same_tables(risen: Risen) -> None:
    report = await verify(risen.stack.servers.pg_admin_dsn)
    assert report.equal, (report.problems[:5], [str(one) for one in report.differences[:5]])


async def test_the_check_finds_nothing_in_what_came_along(risen: Risen) -> None:
    async with place(risen.stack.settings(CHECK)) as at:
        report = await check_whole(at, risen.stack.servers.pg_admin_dsn, Bounds(young=0.0))
    # Timers were moved by the folder's age, which no event says.
    assert not [str(one) for one in report.differences if one.name != "timers"] and not report.unsure
    assert report.counts.objects and report.counts.messages
