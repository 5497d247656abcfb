"""Every wall stands, and every hole turns its check red."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.nats import StreamError
from tests.mutants import walls
from tests.mutants.checks import Broken

Check = Callable[[Path], Awaitable[None]]
RED: list[tuple[Check, walls.Mutation]] = [
    (walls.a_nodes_reply_is_stored_nowhere, walls.nodes_live_among_the_services),
    (walls.a_services_reply_is_no_event, walls.the_log_hears_more_than_hints),
    (walls.every_role_has_its_own_password, walls.one_secret_for_all),
]


@pytest.mark.parametrize("check", [check for check, _ in RED], ids=lambda check: check.__name__)
async def test_the_wall_stands(check: Check, tmp_path: Path) -> None:
    await check(tmp_path)


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
async def test_a_hole_turns_it_red(check: Check, mutation: walls.Mutation, tmp_path: Path) -> None:
    with mutation(), pytest.raises((Broken, StreamError)):
        await check(tmp_path)
