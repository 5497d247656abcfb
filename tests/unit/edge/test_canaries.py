"""A canary in every field of every kind: each exit shows those that may be seen, and no other."""

import re
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from api_edge import openapi
from api_edge.errors import Refused
from api_edge.handlers.commands import reader_of
from api_edge.handlers.masks import answered, shown_answer, shown_row
from api_edge.routes import COMMANDS, QUERIES
from api_edge.routes import log as log_of_routes
from api_edge.routes.render import explanation
from api_edge.routing import CommandRoute, QueryRoute
from api_edge.stream.events import FeedEvent, kind_of, public_types, tick_frame
from api_edge.stream.streams import Wanted
from consumers.notification import DOMAIN as NOTIFICATION
from consumers.runtime.reactions import Reaction
from contracts.catalogue import webhook_catalogue
from contracts.envelope import first
from contracts.message import Event, MessageType, Tick, all_types, answers_of, encode, for_operators
from contracts.notification.notifications import CreateNotification
from contracts.visibility import Visibility
from tests.support.canaries import Planted, found, planted

EVENTS = [entry for entry in all_types() if issubclass(entry.cls, Event)]
TENANT = str(uuid4())
REACTIONS = [(one, cls) for one in NOTIFICATION.reacts if isinstance(one, Reaction) for cls in one.events]
OPENAPI: dict[str, Any] = openapi.document(COMMANDS, QUERIES, "0")["components"]["schemas"]


def sent(entry: MessageType) -> tuple[bytes, Planted]:
    """A message's body with a canary in each field."""
    seen = Planted()
    return encode(planted(entry.cls, seen)), seen


def name_of(entry: MessageType) -> str:
    return entry.name


@pytest.mark.parametrize("entry", EVENTS, ids=name_of)
def test_the_feed_and_the_log_tell_of_an_event_what_is_public_of_it_or_nothing(entry: MessageType) -> None:
    body, seen = sent(entry)
    event = FeedEvent(0, 1, entry.full_name, TENANT, "i", "t", "co", "ca", body)
    assert Wanted(TENANT).event(event) is entry.public
    assert (entry.full_name in public_types()) is entry.public
    assert found(event.frame) == seen.public()
    row: dict[str, Any] = {"position": 1, "type": entry.full_name, "body": body.decode()}
    (listed,) = log_of_routes.log(_Edge(), None, [row])  # type: ignore[arg-type]
    log = next(route for route in QUERIES if route.path == "/v1/log")
    assert found(encode(shown_row(log.row)(listed))) == seen.public()  # type: ignore[arg-type]


class _Edge:
    feed = None


@pytest.mark.parametrize("entry", EVENTS, ids=name_of)
def test_an_operator_reads_all_of_an_event_but_what_is_secret_or_a_persons(entry: MessageType) -> None:
    body, seen = sent(entry)
    assert found(for_operators(entry.full_name, body)) == seen.at_most(Visibility.INTERNAL)


@pytest.mark.parametrize("entry", [one for one in all_types() if one.public and issubclass(one.cls, Tick)], ids=name_of)
def test_a_tick_tells_what_is_public_of_it(entry: MessageType) -> None:
    body, seen = sent(entry)
    assert found(tick_frame(kind_of(entry.full_name), body)) == seen.public()


@pytest.mark.parametrize("name", explanation.SENTENCES)
def test_an_explanation_leans_on_nothing_of_an_event_that_is_not_public(name: str) -> None:
    entry = next(one for one in EVENTS if one.name == name)
    body, seen = sent(entry)
    happened = {"position": 1, "time": "2026-01-01T00:00:00Z", "type": entry.full_name, "actor": "key:1", "body": msgspec.Raw(body)}
    step = explanation._step(msgspec.convert(happened, explanation.Happened))
    assert step.text != name, "the sentence could not be made"
    assert found(step.text) <= seen.public()


def test_an_event_of_a_type_that_is_unknown_here_is_told_to_nobody() -> None:
    event = FeedEvent(0, 1, "evt.content.later.happened.v1", TENANT, "i", "t", "co", "ca", b'{"secret":"canary000001x"}')
    assert not Wanted(TENANT).event(event)
    assert not found(event.frame)


def test_a_body_that_is_not_what_its_type_declares_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"repair_id":"canary000001x","before":"canary000002x"}'
    event = FeedEvent(0, 1, "evt.render.repair.requested.v1", TENANT, "i", "t", "co", "ca", body)
    assert not found(event.frame)
    assert "ALARM" in caplog.text and not found(caplog.text)


@pytest.mark.parametrize(("reaction", "cls"), REACTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_notification_says_nothing_of_an_event_that_is_not_public(reaction: Reaction, cls: type[Event]) -> None:
    seen = Planted()
    event = planted(cls, seen)
    told = [command for command in reaction.make(event, first(event)) if isinstance(command, CreateNotification)]
    assert told and found(encode(told)) <= seen.public()


@pytest.mark.parametrize("route", QUERIES, ids=lambda route: route.query)
def test_an_answer_shows_what_its_struct_declares_whatever_the_statement_finds(route: QueryRoute) -> None:
    seen = Planted()
    declared = planted(route.row, seen, unmarked=Visibility.PUBLIC)
    row = {name: _as_found(getattr(declared, name)) for name in declared.__struct_fields__}
    selected = re.search(r"\nselect (.*?)\nfrom", route.text, re.DOTALL)
    columns = {part.split(" as ")[-1].split(".")[-1].strip() for part in re.split(r",\s*(?![^()]*\))", selected[1])} if selected else set()
    beside = {name: f"canary9{number:05}x" for number, name in enumerate(sorted(columns - row.keys()))}
    text = encode(shown_row(route.row)({**row, **beside, "anything": "canary800000x"}))  # type: ignore[arg-type]
    assert found(text) == seen.public()
    assert set(msgspec.json.decode(text)) == set(answered(route.row).__struct_fields__)


@pytest.mark.parametrize("route", COMMANDS, ids=lambda route: route.command.__name__)
def test_a_problem_does_not_repeat_what_was_sent(route: CommandRoute) -> None:
    reader, seen = reader_of(route), Planted()
    body = {name: [seen.leaf(str, name, Visibility.SECRET)] for name in reader.body_type.__struct_fields__} | {
        "unknown": [seen.leaf(str, "", Visibility.SECRET)]
    }
    with pytest.raises(Refused) as refused:
        reader.check(encode(body))  # type: ignore[arg-type]
    assert not found(encode(refused.value.problem))  # type: ignore[arg-type]


@pytest.mark.parametrize("route", COMMANDS, ids=lambda route: route.command.__name__)
def test_what_a_command_is_answered_shows_all_but_what_says_that_it_is_closed(route: CommandRoute) -> None:
    for kind in answers_of(route.command):
        seen = Planted()
        body = encode(planted(kind, seen, unmarked=Visibility.PUBLIC))
        assert found(shown_answer(route.command)(body)) == seen.public()
        assert not found(shown_answer(route.command)(b'{"later":"canary000001x"}'))


def _as_found(value: Any) -> Any:
    """As the database gives it: JSON as it stands there."""
    return msgspec.Raw(encode(value)) if isinstance(value, tuple | list | dict | msgspec.Struct) else value


@pytest.mark.parametrize("entry", [one for one in EVENTS if one.public], ids=name_of)
def test_every_description_of_an_event_lists_its_public_fields_and_no_other(entry: MessageType) -> None:
    body, _ = sent(entry)
    told = set(msgspec.json.decode(kind_of(entry.full_name).show(body)))
    assert set(OPENAPI[entry.cls.__name__]["properties"]) == told
    (hook,) = (one for one in webhook_catalogue() if one["type"] == entry.full_name.partition(".")[2])
    assert set(hook["schema"]["$defs"][entry.cls.__name__]["properties"]) == told


def test_no_event_is_described_that_is_not_public() -> None:
    assert not {entry.cls.__name__ for entry in EVENTS if not entry.public} & set(OPENAPI)
