"""Older versions of messages: whoever takes one decodes it first, and looks for the newest type then."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from consumers.runtime.decoding import read_command
from consumers.runtime.domain import Domain
from consumers.runtime.item import Item
from consumers.runtime.projection import nothing
from consumers.runtime.reactions import Reaction
from contracts import message as registry
from contracts.catalogue import subjects_of
from contracts.envelope import first
from contracts.message import Command, Event, encode, message, versions_of
from tests.support.in_process import reacted


class Kept(Event, frozen=True, kw_only=True):
    """The newest version."""

    text: str


class Keep(Command, frozen=True, kw_only=True):
    """The newest version."""

    text: str


class KeptBefore(Event, frozen=True, kw_only=True):
    """An older one."""

    number: int

    def upcast(self) -> Kept:
        return Kept(text=str(self.number))


class KeepBefore(Command, frozen=True, kw_only=True):
    """An older one."""

    number: int

    def upcast(self) -> Keep:
        return Keep(text=str(self.number))


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Domain]:
    """A domain of these messages, which no other test sees."""
    monkeypatch.setattr(registry, "_BY_CLASS", dict(registry._BY_CLASS))
    monkeypatch.setattr(registry, "_BY_NAME", dict(registry._BY_NAME))
    message("trial.thing.kept", version=2)(Kept)
    message("trial.thing.keep", version=2)(Keep)
    message("trial.thing.kept")(KeptBefore)
    message("trial.thing.keep")(KeepBefore)
    yield Domain(
        name="trial",
        tables=(),
        decides={Keep: lambda cmd, view, ctx: [Kept(text=cmd.text)]},
        writes={Kept: nothing},
        reacts=(Reaction(name="keeping", on=Kept, make=lambda event, envelope: [Keep(text=event.text)], history="act"),),
    )


def as_sent(body: Any) -> Any:
    envelope = first(body, tenant=uuid4())
    subject = registry.type_of(body).subject(envelope.tenant)
    return SimpleNamespace(headers=envelope.headers(), data=encode(body), subject=subject, reply="")


def made(domain: Domain, event: Event) -> list[Item]:
    return reacted(domain, first(event, tenant=uuid4()), event, 9)


def test_a_command_of_an_older_version_is_lifted_and_decided(domain: Domain) -> None:
    item = read_command(domain, as_sent(KeepBefore(number=5)))
    assert (item.command, item.unreadable) == (Keep(text="5"), "")
    assert read_command(domain, as_sent(Keep(text="6"))).command == Keep(text="6")


def test_an_event_of_an_older_version_is_lifted_and_reacted_to(domain: Domain) -> None:
    [old], [new] = (made(domain, event) for event in (KeptBefore(number=5), Kept(text="6")))
    assert (old.command, new.command) == (Keep(text="5"), Keep(text="6"))
    assert (new.position, new.reaction) == (9, "keeping")


def test_a_reader_subscribes_to_every_version(domain: Domain) -> None:
    assert subjects_of(domain.reacts[0].events) == ["evt.*.trial.thing.kept.v1", "evt.*.trial.thing.kept.v2"]
    assert [entry.version for entry in versions_of(Keep)] == [1, 2]


def test_a_body_that_is_no_older_version_is_unreadable(domain: Domain) -> None:
    sent = as_sent(KeepBefore(number=5))
    sent.data = msgspec.json.encode({"number": "five"})
    assert read_command(domain, sent).unreadable.startswith("body: ")
