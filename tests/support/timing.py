"""A domain whose commands say what becomes of its timers, and a clock that is moved."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from consumers.file_mgr import DOMAIN
from consumers.runtime.domain import Context, Decision, DropTimer, SetRecurring, SetTimer, TimerChange, refuse
from consumers.runtime.projection import nothing
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.file_mgr.uploads import AbortUpload, FailUpload, UploadAborted, UploadStarted
from contracts.message import type_of

FINE, BUGGY, UNWANTED, AGAIN = (UUID(int=number) for number in range(1, 5))  # what a timer's command is about


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def changing(*changes: TimerChange) -> FailUpload:
    """A command whose event makes these changes."""
    said = msgspec.json.encode([(type(change).__name__, change) for change in changes]).decode()
    return FailUpload(upload_id=FINE, reason=said)


def once(name: str, due_at: datetime, about: UUID = FINE) -> SetTimer:
    """A timer that becomes due once."""
    return SetTimer(name, due_at, AbortUpload(upload_id=about))


def recurring(name: str, rule: str, zone: str, missed: Any, about: UUID = FINE, *, begins: datetime | None = None) -> SetRecurring:
    """A timer that becomes due again and again."""
    return SetRecurring(name, rule, zone, missed, AbortUpload(upload_id=about), begins)


async def fired(admin: asyncpg.Connection, tenant: UUID) -> list[tuple[str, datetime]]:
    """Every occurrence that was decided, by name and moment, in order."""
    what = "select body::json->>'reason' as reason from file_mgr.outbox where tenant_id = $1 and type = $2 order by id"
    return [read(row["reason"]) for row in await admin.fetch(what, tenant, type_of(UploadAborted).full_name)]


def read(claim: str) -> tuple[str, datetime]:
    """A timer's name and moment, as its command's envelope has them."""
    moment, _, name = claim.partition(" ")
    return name, datetime.fromisoformat(moment)


def _start(cmd: FailUpload, view: View, ctx: Context) -> Decision:
    ids = {"upload_id": ctx.id("upload"), "file_id": ctx.id("file")}
    return [UploadStarted(**ids, name=cmd.reason, bytes=1, media_type="a/b", object_key="k", part_bytes=1, part_count=1)]


def _fire(cmd: AbortUpload, view: View, ctx: Context) -> Decision:
    if cmd.upload_id == BUGGY:
        raise RuntimeError("a bug")
    if cmd.upload_id == UNWANTED:
        return refuse("file.upload_state", "not wanted any more")
    return [UploadAborted(upload_id=cmd.upload_id, file_id=cmd.upload_id, reason=ctx.envelope.timer)]


def _said(event: UploadStarted, envelope: Envelope) -> Sequence[TimerChange]:
    types: dict[str, Any] = {cls.__name__: cls for cls in (SetTimer, SetRecurring, DropTimer)}
    return [types[kind](**{name: _value(name, value) for name, value in said.items()}) for kind, said in msgspec.json.decode(event.name)]


def _value(name: str, value: Any) -> Any:
    if name == "command":
        return msgspec.convert(value, AbortUpload)
    return datetime.fromisoformat(value) if name in ("due_at", "begins") and value else value


def _once_more(event: UploadAborted, envelope: Envelope) -> Iterable[TimerChange]:
    """A decision that sets its own timer anew."""
    if event.upload_id == AGAIN:
        name, moment = read(event.reason)
        yield once(name, moment.replace(year=moment.year + 1))


TIMED = msgspec.structs.replace(
    DOMAIN,
    decides={FailUpload: _start, AbortUpload: _fire},
    writes={**DOMAIN.writes, UploadStarted: nothing, UploadAborted: nothing},
    makes={},
    effects=(),
    reacts=(),
    timers={UploadStarted: (_said,), UploadAborted: (_once_more,)},
)
