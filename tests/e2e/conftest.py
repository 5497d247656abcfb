"""The whole product, started once for the session, only when a test asks for it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.stack import Stack

ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Servers, edge, consumers and two nodes in a folder of the session's own."""
    # The processes are started from an installed package; in a plain checkout they find the sources by this.
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    os.environ.setdefault("FLATRENDER_HEALTH_SECONDS", "2")  # a test waits for rows of every node's health
    async with Stack(tmp_path_factory.mktemp("stack") / "data", nodes=2) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def commands_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Another, for the command line: nothing fails there, and its log is short."""
    async with Stack(tmp_path_factory.mktemp("commands") / "data") as running:
        yield running
