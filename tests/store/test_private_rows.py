"""Private rows over a real database: with their command, once, as it says, for its tenant alone, and no longer than their rule says."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from consumers.runtime.batch import Batch
from consumers.runtime.clock import utc_now
from consumers.runtime.private import Keep
from consumers.runtime.retention import Retention
from consumers.runtime.settling import Settler
from consumers.runtime.store import Store
from deploy.local.servers import Servers
from tests.support.domain_harness import DomainHarness
from tests.support.in_process import InProcessDomains, item_of
from tests.support.leading import leads, pool_of
from tests.support.private import CONTACTS, PEOPLE, Contact, DropContact, KeepContact, address, people, places_of


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def in_process(servers: Servers) -> AsyncIterator[InProcessDomains]:
    """Domains, of which identity has tables outside the log."""
    async with people(servers.pg_admin_dsn) as in_process:
        yield in_process


async def rows(in_process: InProcessDomains, person: UUID) -> list[Any]:
    return await in_process.admin.fetch("select * from identity.contacts where person_id = $1 order by created_at, address", person)


async def test_a_private_row_is_written_with_its_commands_operation_or_not_at_all(in_process: InProcessDomains) -> None:
    tenant, person = await in_process.tenant(), uuid4()
    item = item_of(KeepContact(person_id=person, address=address()), tenant)
    with patch.object(Store, "keep_columns", side_effect=ConnectionResetError("the database is away")), pytest.raises(ConnectionResetError):
        await in_process.decide("identity", [item])
    assert await rows(in_process, person) == []
    await in_process.decide("identity", [item])
    assert len(await rows(in_process, person)) == 1


async def test_a_repeated_command_keeps_its_row_once(in_process: InProcessDomains) -> None:
    tenant, person, contact, id = await in_process.tenant(), uuid4(), uuid4(), uuid4()
    for _ in range(2):
        await in_process.decide("identity", [item_of(KeepContact(person_id=person, address=f"{id}@x", contact_id=contact), tenant, id=id)])
    assert [row["version"] for row in await rows(in_process, person)] == [1]


async def test_a_dry_run_keeps_nothing(in_process: InProcessDomains) -> None:
    tenant, person = await in_process.tenant(), uuid4()
    [outcome] = await in_process.decide("identity", [item_of(KeepContact(person_id=person, address=address()), tenant, dry_run=True)])
    assert outcome is not None and outcome.state == "done"
    assert await rows(in_process, person) == []


async def test_a_row_that_is_kept_again_counts_its_versions_and_remembers_when_it_began(in_process: InProcessDomains) -> None:
    tenant, person, contact, last = await in_process.tenant(), uuid4(), uuid4(), address()
    for text in (address(), last):
        await in_process.send(KeepContact(person_id=person, address=text, contact_id=contact), tenant)
    [row] = await rows(in_process, person)
    assert (row["version"], row["address"]) == (2, last) and row["created_at"] < row["updated_at"]


async def test_a_later_command_of_the_batch_sees_what_an_earlier_one_kept_and_erased(in_process: InProcessDomains) -> None:
    tenant, person, contact = await in_process.tenant(), uuid4(), uuid4()
    commands = [
        KeepContact(person_id=person, address=address(), contact_id=contact),
        DropContact(contact_id=contact),
        DropContact(contact_id=contact),
        KeepContact(person_id=person, address=address(), contact_id=contact),
    ]
    bodies = await in_process.send_all([(command, tenant) for command in commands])
    assert [body.get("was") for body in bodies] == [None, True, False, None] and bodies[-1]["known"] == 0
    assert [row["version"] for row in await rows(in_process, person)] == [1]


async def test_a_private_row_is_found_and_erased_by_its_own_tenant_alone(in_process: InProcessDomains) -> None:
    tenant, other, person, contact = await in_process.tenant(), await in_process.tenant(), uuid4(), uuid4()
    kept = item_of(KeepContact(person_id=person, address=address(), contact_id=contact), tenant)
    await in_process.decide("identity", [kept, foreign := item_of(DropContact(contact_id=contact), other)])
    assert foreign.outcome is not None and b'"was":false' in bytes(foreign.outcome.body)
    assert await in_process.send(DropContact(contact_id=contact), other) == {"was": False}
    assert len(await rows(in_process, person)) == 1


async def test_a_private_row_of_another_tenant_cannot_be_kept(in_process: InProcessDomains) -> None:
    harness = DomainHarness(PEOPLE)
    row = Contact(tenant_id=uuid4(), created_at=harness.now, updated_at=harness.now, contact_id=uuid4(), person_id=uuid4(), address="a@b")
    with pytest.raises(ValueError, match="in a view of"):
        keep_in(harness, row)


def keep_in(harness: DomainHarness, row: Contact) -> None:
    """What a decision keeps, in memory."""
    from consumers.runtime.private import keep

    harness._loaded(lambda: keep((Keep(CONTACTS, row),), harness.state.view(harness.tenant), harness.now))


async def test_an_error_that_quotes_what_a_person_said_is_told_without_it(
    in_process: InProcessDomains, caplog: pytest.LogCaptureFixture
) -> None:
    item, said = item_of(KeepContact(person_id=uuid4(), address=address()), await in_process.tenant()), uuid4().hex[:12]
    item.command = KeepContact(person_id=uuid4(), address=f"{said}@\ud800")  # which no parameter can hold, and its error quotes

    async def nobody(batch: Batch) -> None: ...

    await Settler(in_process.domains["identity"], nobody, lambda: None).settle(in_process.stores["identity"], [item])
    assert item.outcome is not None and item.outcome.state == "quarantined"
    assert "cannot be stored" in caplog.text and said not in caplog.text
    assert await places_of(in_process.admin, said) == []


async def test_private_rows_go_when_their_rule_says_so_and_stay_where_it_does_not(in_process: InProcessDomains) -> None:
    tenant, person = await in_process.tenant(), uuid4()
    await in_process.send(KeepContact(person_id=person, address=address()), tenant)
    codes = "select count(*) from identity.codes where person_id = $1"
    async with leads(in_process.dsn, "identity") as leading:
        for days, left in ((0, 1), (2, 0)):
            retention = Retention(
                PEOPLE, pool_of(in_process.dsn, "identity"), leading, months=3, clock=lambda days=days: utc_now() + timedelta(days=days)
            )
            await retention.round()
            assert await in_process.admin.fetchval(codes, person) == left
    assert len(await rows(in_process, person)) == 1
