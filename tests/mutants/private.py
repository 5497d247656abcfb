"""The promises about state outside the log as checks over a domain that has some, and small wrong changes that break them."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg

from consumers.runtime import batch, private, store
from deploy.replay import verify
from tests.mutants.checks import hold
from tests.support.in_process import InProcessDomains, item_of
from tests.support.private import CURIOUS, PEOPLE, DropContact, ForgetPerson, KeepContact, address, places_of

Mutation = Callable[[], Any]


async def nothing_private_leaves_its_table(in_process: InProcessDomains) -> None:
    """I10: what a command says of a person is in a private table and nowhere else: not when it is carried out, refused, or meets a bug."""
    tenant, person, fine, wrong, odd = await in_process.tenant(), uuid4(), address(), uuid4().hex, f"!{address()}"
    items = [item_of(KeepContact(person_id=person, address=text), tenant) for text in (fine, wrong, odd)]
    states = [outcome.state if outcome else "" for outcome in await in_process.decide("identity", items)]
    hold(states == ["done", "refused", "quarantined"], f"they ended as {states}")
    await in_process.sequence()
    hold((places := await places_of(in_process.admin, fine)) == ["identity.contacts"], f"what was kept is in {places}")
    # The caller may ask what became of it, for 30 days; the log is for ever.
    hold((places := await places_of(in_process.admin, wrong)) == ["identity.inbox"], f"what was refused is in {places}")
    hold((places := await places_of(in_process.admin, odd)) == [], f"what met a bug is in {places}")


async def what_is_erased_is_gone(in_process: InProcessDomains) -> None:
    """A person is forgotten by one command: no row has them any more, whether it was kept before or in the same batch."""
    tenant, person, first, second, third = await in_process.tenant(), uuid4(), address(), address(), address()
    await in_process.send(KeepContact(person_id=person, address=first), tenant)
    more = [item_of(KeepContact(person_id=person, address=text), tenant) for text in (second, third)]
    await in_process.decide("identity", [*more, item_of(ForgetPerson(person_id=person), tenant)])
    left = await in_process.admin.fetchval("select count(*) from identity.contacts where person_id = $1", person)
    left += await in_process.admin.fetchval("select count(*) from identity.codes where person_id = $1", person)
    hold(left == 0, f"{left} rows are left")


async def an_address_is_free_again_once_it_is_erased(in_process: InProcessDomains) -> None:
    """What is unique among private rows may be kept by another in the batch that erases it."""
    tenant, text = await in_process.tenant(), address()
    body = await in_process.send(KeepContact(person_id=uuid4(), address=text), tenant)
    again = [DropContact(contact_id=UUID(body["contact_id"])), KeepContact(person_id=uuid4(), address=text)]
    try:
        states = [
            outcome.state if outcome else "" for outcome in await in_process.decide("identity", [item_of(one, tenant) for one in again])
        ]
    except asyncpg.UniqueViolationError as error:
        states = [str(error)]
    hold(states == ["done", "done"], f"they ended as {states}")


async def a_replay_needs_nothing_private(in_process: InProcessDomains) -> None:
    """I5: after people were kept and forgotten, the log makes the same event tables; a projection that would look at a person is a bug."""
    tenant, person = await in_process.tenant(), uuid4()
    for _ in range(2):
        await in_process.send(KeepContact(person_id=person, address=address()), tenant)
    await in_process.send(ForgetPerson(person_id=person), tenant)
    await in_process.sequence()
    others = [domain for name, domain in in_process.domains.items() if name != "identity"]
    report = await verify(in_process.dsn, [PEOPLE, *others])
    hold(report.equal, f"{report.problems} {report.differences}")
    in_process.domains["identity"] = CURIOUS
    try:
        [outcome] = await in_process.decide("identity", [item_of(KeepContact(person_id=person, address=address()), tenant)])
    finally:
        in_process.domains["identity"] = PEOPLE
    hold(outcome is not None and outcome.state == "quarantined", f"a curious projection ended as {outcome}")
    report = await verify(in_process.dsn, [CURIOUS, *others])
    hold(any("private" in problem for problem in report.problems), f"a replay says nothing of it: {report.problems}")


def every_message_is_plain() -> Any:
    """Nobody asks whether a message holds what is a person's."""
    return patch.object(batch, "is_personal", lambda type: False)


def erased_rows_stay() -> Any:
    """What was erased is gone for the batch alone."""
    return patch.object(store, "parted", lambda table, changes: ([], [change for change in changes if change[1] is not None]))


def rows_go_last() -> Any:
    """A row is written before the one that it replaces is removed."""
    write = store.Store.write_rows

    async def late(self: store.Store, changes: dict[Any, Any]) -> None:
        gone: list[tuple[Any, list[Any]]] = []
        parted = private.parted

        def later(table: Any, given: Any) -> Any:
            rows, left = parted(table, given)
            gone.append((table, rows))
            return [], left

        with patch.object(store, "parted", later):
            await write(self, changes)
        for table, rows in gone:
            if rows:
                await self._remove(table, rows)

    return patch.object(store.Store, "write_rows", late)


def projections_see_everything() -> Any:
    """Nobody watches what projections ask for."""
    return patch.object(private, "_refuse_private", lambda table: None)
