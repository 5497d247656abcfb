"""What takes long to make and many tests need: made once for the session, only when a test asks for it. And the order of the tests."""

import fcntl
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from xdist.remote import Producer

from contracts.catalogue import roles
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from templates.build import DemoFiles, build_demo
from tests.support.chance import SEED, chance
from tests.support.lanes import Lanes
from tests.support.password import PASSWORD

os.environ.setdefault("FLATRENDER_EDGES", "1")  # whatever the machine's cores: what is asked for twice is asked of the same edge
UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONG = 150  # seconds: who declares a longer timeout than this takes long


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In lanes side by side (`make test`) long files come first, the longest of all before the others: the lanes end together.

    A file's tests stay together and in order, in one lane; which, `Lanes` says. `make soak` shuffles the files.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    if SEED in os.environ:
        shuffled = sorted(files)
        chance("order").shuffle(shuffled)
        files = {path: files[path] for path in shuffled}
    elif not hasattr(config, "workerinput"):
        return
    turns = sorted(files, key=lambda path: -max(LONG, _longest(files[path])))
    items[:] = [item for path in turns for item in files[path]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes | None:
    """Files go to lanes by what they need."""
    return Lanes(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_make_parametrize_id(val: object) -> str | None:
    """Ids that are drawn anew at each start may stand in a test's parameters, not in its name, which all lanes must agree on."""
    return UUIDS.sub("id", val) if isinstance(val, str) and UUIDS.search(val) else None


def _longest(items: list[pytest.Item]) -> float:
    marks = [mark for item in items if (mark := item.get_closest_marker("timeout")) is not None]
    return max((float(mark.args[0]) for mark in marks), default=0.0)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """NATS with the catalogue's roles, PostgreSQL, S3."""
    users = [NatsRole.of(role, PASSWORD) for role in roles()]
    async with Servers(tmp_path_factory.mktemp("servers") / "data", nats_roles=users) as running:
        yield running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> DemoFiles:
    """The demo's files, made once for all lanes; who changes them takes a copy of their folder."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if hasattr(request.config, "workerinput") else base) / "demo"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_demo(place)
