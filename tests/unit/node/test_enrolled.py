"""Joining: the identity is made once, survives lost answers, and is never told to anybody."""

import asyncio
import json
import stat
from hashlib import sha256
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import SecretStr

from adapters.settings import Settings
from node_worker import enrolment
from node_worker.enrolment import FILE, JoinRefused, NotAnswered, enrolled, read, standing
from node_worker.folder import FolderInUse
from node_worker.platform import lock_file

pytestmark = pytest.mark.timeout(30)
NODE = str(uuid4())


class Edge:
    """Answers what it is told to, and remembers who asked what."""

    def __init__(self):
        self.answers, self.asked, self.state = [], [], "active"

    async def join(self, request):
        self.asked.append((request.headers["Authorization"], await request.json()))
        status, body = self.answers.pop(0) if self.answers else (201, {})
        good = {"node_id": NODE, "name": "n", "nats_url": "nats://broker:4222", "nats_user": f"node-{NODE}"}
        return web.json_response(good if status == 201 else body, status=status)

    async def standing(self, request):
        self.asked.append((request.headers["Authorization"], request.path))
        return web.json_response({"state": self.state}, status=200 if self.state else 401)


@pytest_asyncio.fixture
async def edge():
    one, app = Edge(), web.Application()
    app.router.add_post("/v1/nodes/join", one.join)
    app.router.add_get("/v1/nodes/{node}/standing", one.standing)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "node", node_name="north")


async def test_a_node_that_joins_keeps_its_identity_for_itself(edge, settings):
    made = await enrolled(settings, "fj_token", edge.url)
    assert (made.node_id, made.nats_url, made.nats_user, made.node_name) == (NODE, "nats://broker:4222", f"node-{NODE}", "north")
    ((bearer, body),) = edge.asked
    secret = made.nats_password.get_secret_value()
    assert bearer == "Bearer fj_token"
    assert body == {"name": "north", "secret_sha256": sha256(secret.encode()).hexdigest()} and len(secret) >= 43
    assert stat.S_IMODE((settings.data / FILE).stat().st_mode) == 0o600


async def test_the_next_start_asks_nobody_even_with_a_token(edge, settings):
    first = await enrolled(settings, "fj_token", edge.url)
    again = await enrolled(Settings(data=settings.data), "fj_other", "http://127.0.0.1:1")
    assert again.nats_password == first.nats_password and again.node_name == "north" and len(edge.asked) == 1


async def test_after_a_lost_answer_the_same_secret_is_asked_with(edge, settings):
    edge.answers = [(403, {"detail": "a proxy said so"})]
    with pytest.raises(JoinRefused, match="a proxy said so"):
        await enrolled(settings, "fj_token", edge.url)
    assert read(settings.data).node_id is None
    await enrolled(settings, "fj_token", edge.url)
    assert edge.asked[0][1] == edge.asked[1][1]


@pytest.mark.parametrize("busy", [202, 429, 503])
async def test_an_edge_that_cannot_answer_now_is_asked_again(edge, settings, busy, monkeypatch):
    monkeypatch.setattr(enrolment, "FIRST_DELAY", 0.01)
    edge.answers = [(busy, {}), (busy, {})]
    assert (await enrolled(settings, "fj_token", edge.url)).node_id == NODE
    assert len(edge.asked) == 3


async def test_an_edge_that_is_away_is_named(settings, monkeypatch):
    monkeypatch.setattr(enrolment, "PATIENCE", 0.1)
    with pytest.raises(NotAnswered, match=r"127\.0\.0\.1:1"):
        await enrolled(settings, "fj_token", "http://127.0.0.1:1")


async def test_without_a_token_or_an_address_nothing_is_begun(settings):
    assert await enrolled(settings) is settings
    with pytest.raises(JoinRefused, match="--url"):
        await enrolled(settings, "fj_token")
    assert not settings.data.exists()


async def test_a_node_that_was_named_by_hand_stays_as_it_is(edge, settings):
    named = settings.model_copy(update={"node_id": str(uuid4())})
    assert await enrolled(named, "fj_token", edge.url) is named and edge.asked == []


async def test_the_token_and_the_address_may_stand_in_the_environment(edge, settings):
    told = settings.model_copy(update={"node_join": SecretStr("fj_env"), "url": edge.url + "/"})
    assert (await enrolled(told)).node_id == NODE and edge.asked[0][0] == "Bearer fj_env"


async def test_a_persons_address_of_the_broker_goes_before_the_farms(edge, settings):
    moved = Settings(data=settings.data, nats_url="nats://elsewhere:1")
    assert (await enrolled(moved, "fj_token", edge.url)).nats_url == "nats://elsewhere:1"


async def test_a_folder_in_use_is_not_joined_from(edge, settings):
    settings.data.mkdir()
    held = lock_file(settings.data / "lock")
    with pytest.raises(FolderInUse):
        await enrolled(settings, "fj_token", edge.url)
    held.close()
    assert edge.asked == []


async def test_a_file_that_is_no_identity_is_not_overwritten(edge, settings):
    settings.data.mkdir()
    (settings.data / FILE).write_text("{")
    with pytest.raises(JoinRefused, match="Move it away"):
        await enrolled(settings, "fj_token", edge.url)
    assert (settings.data / FILE).read_text() == "{"


@pytest.mark.parametrize(("state", "told"), [("active", "active"), ("revoked", "revoked"), ("", "")])
async def test_a_nodes_standing_is_asked_with_its_own_secret(edge, settings, state, told):
    made = await enrolled(settings, "fj_token", edge.url)
    edge.state = state
    assert await standing(made) == told
    secret = json.loads((settings.data / FILE).read_text())["secret"]
    assert edge.asked[-1] == (f"Bearer fn_{NODE.replace('-', '')}_{secret}", f"/v1/nodes/{NODE}/standing")


async def test_nobody_says_anything_of_a_node_without_an_edge(settings):
    async with asyncio.timeout(5):
        assert await standing(settings.model_copy(update={"node_id": NODE})) == ""
        assert await standing(settings.model_copy(update={"node_id": NODE, "url": "http://127.0.0.1:1"})) == ""
