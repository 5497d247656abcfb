"""A command of a person that cannot be read leaves nothing of what it said, whatever its headers say."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from consumers.runtime.decoding import read_command
from contracts.content.categories import CreateCategory
from contracts.envelope import first
from contracts.message import encode, type_of
from tests.support.private import PEOPLE, KeepContact, registered

SAID = KeepContact(person_id=uuid4(), address="somebody@people.example")


def sent(**headers: str | None) -> Any:
    """It, on its own subject, under headers of which some are others or missing."""
    envelope = first(SAID, tenant=uuid4())
    changed = {name: value for name, value in (envelope.headers() | headers).items() if value is not None}
    stored = SimpleNamespace(stream="CMD_IDENTITY", sequence=SimpleNamespace(stream=1), timestamp=envelope.time)
    return SimpleNamespace(headers=changed, data=encode(SAID), subject=type_of(SAID).subject(envelope.tenant), reply="", metadata=stored)


@pytest.mark.parametrize("broken", [{"ce-tenant": None}, {"ce-time": "yesterday"}, {"ce-type": "cmd.content.category.create.v1"}], ids=str)
def test_what_came_where_personal_things_come_is_not_kept_under_whatever_name(broken: dict[str, str | None]) -> None:
    with registered():
        item = read_command(PEOPLE, sent(**broken))
        assert item.unreadable and item.bare
        assert read_command(PEOPLE, sent()).command == SAID


def test_what_is_nobodys_is_kept_for_another_try() -> None:
    with registered():
        message = sent()
        message.subject = type_of(CreateCategory).subject(uuid4())
        message.headers = first(CreateCategory(name="a"), tenant=uuid4()).headers()
        item = read_command(PEOPLE, message)
    assert item.unreadable and not item.bare
