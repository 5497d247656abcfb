"""A node joins a running farm by a token, draws, is revoked in the middle of its work, and is out for good."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import ConnectRefused, connect
from adapters.settings import Settings
from api_edge.auth.secret_texts import secret_text
from deploy.local.stack import Stack
from node_worker.enrolment import FILE, read
from templates.samples import heavy, simple
from tests.e2e.support_http import Http, is_problem

pytestmark = pytest.mark.timeout(180)
TRACES = """
    select (select count(*) from render.inbox where type = 'cmd.render.node.join.v1') as decided,
           (select count(*) from log.events where type = 'evt.render.command.refused.v1' and body::jsonb ->> 'code' like 'join.%') as logged
"""


class Daemon:
    """`flatrender node` as a process, with its own data folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.data = folder
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "cli", "node", "--data", str(folder), "--name", folder.name, *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FLATRENDER_")}
        with (folder / "out.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=clean, stdout=log, stderr=log)

    def said(self) -> str:
        return (self.data / "out.log").read_text()

    async def ended(self, within: float = 60.0) -> int:
        return await asyncio.to_thread(self.process.wait, within)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack without any node of its own: all that is drawn here is drawn by nodes that have joined."""
    async with Stack(tmp_path_factory.mktemp("farm") / "data", nodes=0) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def http(farm: Stack) -> AsyncIterator[Http]:
    async with Http(farm.url, farm.api_key) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def start(farm: Stack, http: Http, tmp_path: Path) -> AsyncIterator[Any]:
    """Starts daemons; they are ended after the test."""
    daemons: list[Daemon] = []

    async def begin(name: str, *arguments: str, join: bool = True) -> Daemon:
        if join:
            arguments = ("--join", await token(http), "--url", farm.url, *arguments)
        daemons.append(Daemon(tmp_path / name, *arguments))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        daemon.end()


async def token(http: Http, **more: Any) -> str:
    return str((await http.post("/v1/join-tokens", more))["token"])


async def node(http: Http, name: str, state: str = "active") -> Any:
    def found(row: Any) -> bool:
        return any(one["name"] == name and one["state"] == state for one in row["data"])

    listed = await http.until("/v1/nodes", found)
    return next(one for one in listed["data"] if one["name"] == name and one["state"] == state)


async def join(http: Http, bearer: str, **more: Any) -> Any:
    body = {"name": "stranger", "secret_sha256": "a" * 64, **more}
    return await http.send("POST", "/v1/nodes/join", body, Authorization=f"Bearer {bearer}")


@asynccontextmanager
async def leaving_nothing(farm: Stack) -> AsyncIterator[None]:
    """What happens within leaves no row of a join that was decided, and none in the log."""
    conn = await asyncpg.connect(farm.servers.pg_admin_dsn)
    try:
        before = await conn.fetchrow(TRACES)
        yield
        assert await conn.fetchrow(TRACES) == before
    finally:
        await conn.close()


async def test_a_node_joins_by_a_token_draws_and_needs_no_token_again(farm: Stack, http: Http, start: Any) -> None:
    daemon = await start("one")
    row = await node(http, "one")
    project = await http.template("a.json", simple("joined", 1))
    assert (await http.ended(await http.render(project["project_id"])))["state"] == "completed"
    file = daemon.data / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = read(daemon.data).secret
    assert secret not in daemon.said()
    daemon.process.send_signal(signal.SIGTERM)
    assert await daemon.ended() == 0
    await node(http, "one", "left")
    again = Daemon(daemon.data)
    try:
        assert (await node(http, "one"))["node_id"] == row["node_id"]
        again.process.send_signal(signal.SIGTERM)
        assert await again.ended() == 0
        await node(http, "one", "left")  # else the next test's work would be given to a dead node
    finally:
        again.end()


async def test_a_node_revoked_while_it_draws_is_cut_off_and_its_work_is_finished_elsewhere(farm: Stack, http: Http, start: Any) -> None:
    victim = await start("victim")
    row = await node(http, "victim")
    project = await http.template("b.json", heavy(4))
    job = await http.render(project["project_id"], width=640, height=360, rate=[30, 1])
    await http.until(f"/v1/renders/{job}/parts", lambda found: any(part["state"] == "active" for part in found["data"]))
    began = monotonic()
    answer = await http.post(f"/v1/nodes/{row['node_id']}/revoke", {"reason": "sold"})
    assert answer["state"] == "revoked"
    assert await victim.ended() == 3
    print(f"the daemon ended {monotonic() - began:.2f} s after it was revoked")
    assert "has revoked node" in victim.said()
    await start("heir")
    film = await http.ended(job)
    assert film["state"] == "completed" and film["frames_done"] == film["frames_total"]
    parts = (await http.get(f"/v1/renders/{job}/parts"))["data"]
    assert {part["node_name"] for part in parts if part["state"] == "done"} >= {"heir"}
    assert all(part["state"] != "active" for part in parts)
    identity = read(victim.data)
    login = Settings(nats_url=identity.nats_url, nats_user=identity.nats_user, nats_password=identity.secret)
    with pytest.raises(ConnectRefused):
        await connect(login, "revoked", within=10)
    again = Daemon(victim.data)
    try:
        assert await again.ended() == 3
    finally:
        again.end()
    assert (await node(http, "victim", "revoked"))["node_id"] == row["node_id"]


async def test_replay_gives_the_same_tokens_identities_and_nodes(farm: Stack) -> None:
    command = [sys.executable, "-m", "cli", "replay", "--verify", "--data", str(farm.data)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_a_used_token_is_refused_with_a_reason_and_leaves_nothing(farm: Stack, http: Http) -> None:
    text = await token(http)
    first = await join(http, text)
    assert first.status == 201 and first.json["nats_user"] == f"node-{first.json['node_id']}", first
    assert (await join(http, text)).json["node_id"] == first.json["node_id"]
    async with leaving_nothing(farm):
        second = await join(http, text, secret_sha256="b" * 64)
    is_problem(second, 403, "join.token_used")
    assert first.json["node_id"] in second.json["detail"]
    listed = (await http.get("/v1/join-tokens"))["data"]
    assert next(row for row in listed if row["node_id"] == first.json["node_id"])["state"] == "used"


async def test_a_revoked_token_is_refused_and_leaves_nothing(farm: Stack, http: Http) -> None:
    made = await http.post("/v1/join-tokens", {"note": "lost"})
    await http.post(f"/v1/join-tokens/{made['token_id']}/revoke", {})
    async with leaving_nothing(farm):
        is_problem(await join(http, made["token"]), 403, "join.token_revoked")


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: secret_text("fj", UUID(text.split("_")[1]), "a" * 32),
        lambda text: secret_text("fj", uuid4(), text.split("_")[2]),
        lambda text: f"fj_{uuid4().hex}_x",
        lambda text: "nonsense",
    ],
)
async def test_a_forged_token_is_refused_and_leaves_nothing(farm: Stack, http: Http, forge: Any) -> None:
    forged = forge(await token(http))
    async with leaving_nothing(farm):
        is_problem(await join(http, forged), 403, "join.unknown_token")


async def test_a_token_that_was_mistyped_is_told_so_and_not_decided(farm: Stack, http: Http) -> None:
    text = await token(http)
    for torn in (text[:-1], text[:-1] + ("0" if text[-1] != "0" else "1"), text.replace("fj1", "fj1_")):
        is_problem(await join(http, torn), 401, "auth.malformed")


async def test_an_expired_token_is_refused_and_leaves_nothing(farm: Stack, http: Http) -> None:
    text = await token(http, expires_in=60)
    # A minute passes: the moment is moved instead, as a test may and nobody else.
    conn = await asyncpg.connect(farm.servers.pg_admin_dsn)
    await conn.execute("update render.join_tokens set expires_at = now() - interval '1 second' where state = 'open'")
    await conn.close()
    async with leaving_nothing(farm):
        is_problem(await join(http, text), 403, "join.token_expired")


async def test_a_daemon_with_a_bad_token_says_why_and_ends_with_2(farm: Stack, http: Http, start: Any, tmp_path: Path) -> None:
    daemon = await start("bad", "--join", f"fj_{uuid4().hex}_x", "--url", farm.url, join=False)
    assert await daemon.ended() == 2
    assert "was never given out" in daemon.said()
    nobody = await start("nobody", join=False)
    assert await nobody.ended() == 2
    assert "--join" in nobody.said()


async def test_a_nodes_standing_is_told_to_itself_alone(farm: Stack, http: Http) -> None:
    from hashlib import sha256

    secret = "a-secret-of-its-own"
    made = (await join(http, await token(http), secret_sha256=sha256(secret.encode()).hexdigest())).json
    path, bearer = f"/v1/nodes/{made['node_id']}/standing", f"fn_{made['node_id'].replace('-', '')}_{secret}"
    answer = await http.send("GET", path, Authorization=f"Bearer {bearer}")
    assert (answer.status, answer.json["state"]) == (200, "active"), answer
    for wrong in (bearer[:-1], farm.api_key, f"fn_{uuid4().hex}_{secret}"):
        is_problem(await http.send("GET", path, Authorization=f"Bearer {wrong}"), 401, "auth.invalid")
    await http.post(f"/v1/nodes/{made['node_id']}/revoke", {})
    answer = await http.send("GET", path, Authorization=f"Bearer {bearer}")
    assert answer.json["state"] == "revoked", answer
