"""EVENTS against the log. The stream is read before the database: so all that it holds must be in the log already."""

import asyncio
import sys
from typing import Any

import msgspec

import sql
from adapters.nats import ApiError, Connection, PositionGone, StreamError, StreamReader, api
from contracts.catalogue import EVENTS, LOG_API
from contracts.chain import EPOCH, HASH, SEAL, Marks, hash_of
from deploy.check.differences import Difference

_q = sql.load("check")
AT_ONCE = 10_000  # positions whose hashes are read from the log
BATCH, WAIT = 1000, 2.0  # messages, and seconds, at once
WATCHED = "The sequencer makes EVENTS anew within seconds. If this stays: see the file of `log`, and who may write to the account LOG."


class Message(msgspec.Struct, frozen=True, gc=False):
    """What one message of EVENTS shows of itself; many are held at once, so what most have alike is held once."""

    hash: str  # of its content; empty for what is no event
    said: str  # the hash that it bears
    seal: str
    epoch: str
    about: str  # its type and id

    @classmethod
    def of(cls, position: int, headers: dict[str, str], body: bytes) -> "Message":
        """Look at one."""
        try:
            hash = hash_of(position, headers, body)
        except (KeyError, ValueError, TypeError):
            hash = ""
        about = f"{headers.get('ce-type', 'no type')[:80]} {headers.get('ce-id', 'without an id')[:40]}"
        said = headers.get(HASH, "")
        return cls(hash, hash if said == hash else said, headers.get(SEAL, ""), sys.intern(headers.get(EPOCH, "0")[:40]), about)


class Seen(msgspec.Struct, kw_only=True):
    """What EVENTS held behind a position, up to `last`."""

    missing: bool = False  # there is no such stream
    after: int = 0
    first: int = 1
    last: int = 0
    messages: dict[int, Message] = {}


async def seen(nc: Connection, after: int, most: int) -> Seen:
    """Read the window from behind a position on, at most so many of its last messages. Raises StreamError."""
    try:
        state = await _state(nc)
    except ApiError as error:
        if error.code == 404:
            return Seen(missing=True)
        raise
    last = int(state["last_seq"])
    found = Seen(after=min(last, max(after, last - most, int(state["first_seq"]) - 1)), first=int(state["first_seq"]), last=last)
    if found.after < last:
        await _read(nc, found)
    # What became too old meanwhile is not missing.
    found.first = int((await _state(nc))["first_seq"])
    return found


async def _read(nc: Connection, found: Seen) -> None:
    reader = StreamReader(nc, EVENTS, found.after, prefix=LOG_API)
    give_up = asyncio.get_running_loop().time() + WAIT
    try:
        while reader.position < found.last and asyncio.get_running_loop().time() < give_up:
            for msg in await reader.next(BATCH, WAIT):
                position = msg.metadata.sequence.stream
                found.messages[position] = Message.of(position, dict(msg.headers or {}), msg.data)
                give_up = asyncio.get_running_loop().time() + WAIT
    except PositionGone:
        return  # it is being made anew
    finally:
        await reader.close()


async def _state(nc: Connection) -> dict[str, Any]:
    state: dict[str, Any] = (await api(nc, f"STREAM.INFO.{EVENTS}", prefix=LOG_API))["state"]
    return state


async def agrees(look: Any) -> list[Difference]:
    """Every message that was read is the log's event of its position, marked and sealed; none is missing; none is beyond the log."""
    seen, head = look.seen, look.head
    if seen.missing:
        return [_differs("the stream", "EVENTS", "none")] if head.position else []
    found = []
    if seen.last < look.kept.published:
        found.append(_differs("the end of the stream", f"at least {look.kept.published}, up to where it was published", str(seen.last)))
    if seen.last > head.position:
        found.append(_differs("the end of the stream", f"at most {head.position}, where the log ends", str(seen.last)))
    last = min(seen.last, head.position)
    for after in range(max(seen.after, seen.first - 1), last, AT_ONCE):
        found += await _compared(look, after, min(after + AT_ONCE, last))
        if len(found) >= MOST:
            break
        await look.breathe()
    look.counts.messages += len(seen.messages)
    return found[:MOST]


async def _compared(look: Any, after: int, last: int) -> list[Difference]:
    """The messages behind a position up to another."""
    marks, messages = Marks(look.head.epoch, look.head.seal), look.seen.messages
    hashes = {row["position"]: row["hash"] for row in await look.conn.fetch(_q.hashes_between, after, last)}
    found = []
    for position in range(after + 1, last + 1):
        message, hash = messages.get(position), hashes.get(position)
        if message is None:
            found.append(_differs(f"position {position}", "the log's event", "nothing"))
        elif hash is not None and (why := _wrong(message, hash, marks)):
            found.append(_differs(f"position {position}", "the log's event", why))
    return found


MOST = 50  # differences that are told of one look: what is wrong with a stream is wrong with all of it


def _wrong(message: Message, hash: str, marks: Marks) -> str:
    if not message.hash:
        return "a message that is no event"
    if message.said != message.hash:
        return f"{message.about}, whose content does not fit its hash"
    if message.hash != hash:
        return f"another event: {message.about}"
    if message.epoch != str(marks.epoch) or message.seal != marks.seal(hash):
        return "the log's event without the seal of this epoch"
    return ""


def _differs(place: str, expected: str, found: str) -> Difference:
    return Difference(name="window", place=f"{place} of EVENTS", expected=expected, found=found, remedy=WATCHED)


__all__ = ["Message", "Seen", "StreamError", "agrees", "seen"]
