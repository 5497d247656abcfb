"""A command of a person leaves nothing of what it said where it cannot be read, whatever its headers say, and waits in no row."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from consumers.runtime.decoding import read_command
from consumers.runtime.effects.calling import Untellable, tellable
from contracts.content.categories import CreateCategory
from contracts.envelope import first
from contracts.message import encode, type_of
from tests.support.private import PEOPLE, ForgetPerson, KeepContact, registered

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


def test_no_answer_of_an_effect_waits_with_what_is_personal() -> None:
    """It lies in the effect's row until it is told, and longer where that ends otherwise."""
    with registered():
        with pytest.raises(Untellable, match="holds what is personal"):
            tellable([SAID])
        forget = [ForgetPerson(person_id=uuid4())]
        assert tellable(forget) == forget
