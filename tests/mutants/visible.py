"""The promise that nobody is told what is not theirs (I10) as a check with a canary in every field, and what would break it."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import msgspec

from api_edge.handlers import masks
from api_edge.stream import events
from api_edge.stream.events import FeedEvent
from api_edge.stream.streams import Wanted
from contracts import message, visibility
from contracts.identity.api_keys import ApiKeyAnswer, CreateApiKey
from contracts.message import Event, all_types, encode
from contracts.render.repairs import SegmentState
from contracts.visibility import Visibility
from tests.mutants.checks import hold
from tests.support.canaries import Planted, found, planted
from tests.support.in_process import InProcessDomains

CACHES = (
    visibility.visible, visibility.mask, visibility.columns, visibility._raw_struct, message.masked, events.kind_of, events.public_types,
)  # fmt: skip


class Redrawn(msgspec.Struct, frozen=True, kw_only=True):
    """A row that an edge declares itself, of things that are not public as a whole."""

    job_id: str
    before: tuple[SegmentState, ...]


async def only_what_is_public_is_told(in_process: InProcessDomains) -> None:
    """I10: a tenant is told of public events and their public fields, by a row what it declares; a log line has no secret."""
    tenant = str(uuid4())
    for entry in (entry for entry in all_types() if issubclass(entry.cls, Event)):
        seen = Planted()
        event = FeedEvent(0, 1, entry.full_name, tenant, "i", "t", "co", "ca", encode(planted(entry.cls, seen)))
        hold(Wanted(tenant).event(event) is entry.public, f"the feed takes {entry.name} for public or not")
        hold((entry.full_name in events.public_types()) is entry.public, f"the log takes {entry.name} for public or not")
        wrong = [seen.canaries[text][0] for text in found(event.frame) ^ seen.public()]
        hold(not wrong, f"of {entry.name} the feed tells or keeps {wrong}")
    seen = Planted()
    repair = planted(Redrawn, seen, unmarked=Visibility.PUBLIC)
    row = {name: msgspec.Raw(encode(getattr(repair, name))) for name in repair.__struct_fields__}
    told = found(encode(masks.shown_row(Redrawn)({**row, "place": "canary900000x"})))  # type: ignore[arg-type]
    hold(told == seen.public(), "a row shows what it does not declare")
    seen = Planted()
    answer = encode(planted(ApiKeyAnswer, seen, unmarked=Visibility.PUBLIC))
    hold(found(masks.shown_answer(CreateApiKey)(answer)) == seen.public(), "who creates a key is told its salt, or not its name")
    seen = Planted()
    text = repr(planted(CreateApiKey, seen))
    hold(not {text for text, (_, closed) in seen.canaries.items() if closed is Visibility.SECRET} & found(text), "a log line has a secret")


@contextmanager
def _patched(mutant: Any) -> Iterator[None]:
    """With nothing remembered of before, and all of that again afterwards: types that were made once stand in others, and are made once."""
    modules = [module for name, module in sys.modules.items() if name.startswith(("contracts.", "api_edge."))]
    with ExitStack() as stack:
        for cached in CACHES:
            anew = cache(cached.__wrapped__)
            for module, name in [(one, name) for one in modules for name, value in vars(one).items() if value is cached]:
                stack.enter_context(patch.object(module, name, anew))
        stack.enter_context(mutant)
        yield


def fields_are_open_by_default(in_process: InProcessDomains) -> Any:
    """Who forgets a marker has told everybody."""
    return _patched(patch.object(visibility, "_marker", lambda field, _: visibility.visibility(field.type) or Visibility.PUBLIC))


def containers_are_shown_as_they_stand(in_process: InProcessDomains) -> Any:
    """Nobody looks for Structs in what a field holds."""
    return _patched(patch.object(visibility, "_structs", lambda kind: iter(())))


def secrets_are_internal(in_process: InProcessDomains) -> Any:
    """A log line knows no secrets."""
    return _patched(patch.object(visibility, "_tellable", lambda value: ((name, getattr(value, name)) for name in value.__struct_fields__)))


def the_feed_takes_every_event(in_process: InProcessDomains) -> Any:
    """An event is a tenant's because it is of that tenant."""
    return _patched(patch.object(Wanted, "event", lambda self, event: event.tenant == self.tenant))


def the_log_takes_every_event(in_process: InProcessDomains) -> Any:
    """The log is an audit log, and tells everything."""
    every = tuple(entry.full_name for entry in all_types() if issubclass(entry.cls, Event))
    return patch.object(events, "public_types", lambda prefix="": every)


def rows_show_what_was_found(in_process: InProcessDomains) -> Any:
    """A statement is trusted to select what may be seen."""
    return patch.object(masks, "shown_row", lambda cls: lambda row: row)


def answers_are_passed_on(in_process: InProcessDomains) -> Any:
    """What a domain answered is for whoever asked."""
    return patch.object(masks, "shown_answer", lambda command: bytes)
