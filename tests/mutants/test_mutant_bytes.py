"""Every promise about stored bytes holds on the real store, and every mutant turns its check red."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore
from deploy.local.servers import Servers
from tests.mutants import bytes as stored
from tests.mutants.checks import Broken

Check = Callable[[ObjectStore, Path], Awaitable[None]]
RED: list[tuple[Check, stored.Mutation]] = [
    (stored.a_finished_object_is_not_replaced, stored.addresses_replace),
    (stored.a_part_has_its_length, stored.lengths_are_not_signed),
    (stored.a_part_has_its_bytes, stored.hashes_are_not_signed),
    (stored.an_address_copies_nothing, stored.addresses_may_copy),
    (stored.joining_replaces_nothing, stored.joining_has_no_condition),
    (stored.a_node_knows_its_own, stored.every_refusal_is_a_success),
    (stored.what_is_served_is_what_was_verified, stored.an_etag_is_forgotten),
    (stored.what_is_served_is_what_was_verified, stored.nothing_is_read),
    (stored.no_node_chooses_the_weaker_address, stored.every_protocol_is_spoken),
    (stored.what_is_rejected_goes, stored.discarding_is_a_word),
]


@pytest_asyncio.fixture(loop_scope="session")
async def store(servers: Servers) -> AsyncIterator[ObjectStore]:
    async with ObjectStore(servers.s3_url, "mutants-of-bytes", servers.s3_access_key, servers.s3_secret_key) as opened:
        await opened.ensure_bucket()
        yield opened


@pytest.mark.parametrize("check", list(dict.fromkeys(check for check, _ in RED)), ids=lambda check: check.__name__)
async def test_the_promise_holds(check: Check, store: ObjectStore, tmp_path: Path) -> None:
    await check(store, tmp_path)


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
async def test_the_mutant_turns_the_check_red(check: Check, mutation: stored.Mutation, store: ObjectStore, tmp_path: Path) -> None:
    with mutation(store), pytest.raises(Broken):
        await check(store, tmp_path)
