"""What takes long to make and many tests need: made once for the session, only when a test asks for it. And the order of the tests."""

import os
import re
from collections.abc import AsyncIterator
from itertools import zip_longest
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.catalogue import roles
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from templates.build import DemoFiles, build_demo
from tests.support.chance import SEED, chance
from tests.support.house import PASSWORD

UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONG = 150  # seconds: who declares a longer timeout than this takes long


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In lanes side by side (`make test`) long files and short ones take turns, the longest first: so both lanes end together.

    A file's tests stay together and in order, in one lane. The two longest come to the same lane, one after the other. `make soak`
    shuffles the files.
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
    long = sorted((path for path in files if _longest(files[path]) > LONG), key=lambda path: -_longest(files[path]))
    short = [path for path in files if path not in set(long)]
    turns = [path for pair in zip_longest(long, short) for path in pair if path is not None]
    items[:] = [item for path in turns for item in files[path]]


def pytest_make_parametrize_id(val: object) -> str | None:
    """Ids that are drawn anew at each start may stand in a test's parameters, not in its name, which both lanes must agree on."""
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
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """The demo's files; who changes them takes a copy of their folder."""
    return build_demo(tmp_path_factory.mktemp("demo"))
