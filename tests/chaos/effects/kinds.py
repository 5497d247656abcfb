"""Three kinds of effects upon the counting world: `task` may be repeated, `pay` is asked for, `mail` can only be settled by a person."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from consumers.runtime.domain import Domain
from consumers.runtime.effects.declared import Asking, Backoff, Call, Destination, Done, EffectKind, Neither, NotSent, Told
from contracts.message import Command
from contracts.notification.notifications import ReadNotification

DOMAIN = "notification"  # whose schema and lock the processes use: it has no effects of its own
TIMEOUT = 1.5  # seconds of a try
BACKOFF = Backoff(0.05, 1.0)


class Task(msgspec.Struct, frozen=True):
    """Something that may be done twice."""

    number: int


class Pay(msgspec.Struct, frozen=True):
    """Something that must be done once, and can be asked for."""

    number: int


class Mail(msgspec.Struct, frozen=True):
    """Something that must not be done twice, and cannot be asked for."""

    number: int


class Telephone:
    """Requests to the world over a connection of their own each, sent by one write just after `begin`."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def say(self, method: str, path: str, call: Call | None = None) -> tuple[int, bytes]:
        """Status and body. Raises NotSent when the world cannot be reached, OSError when its answer is lost."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise NotSent(f"the world cannot be reached: {error}") from error
        words = f"{method} {path} HTTP/1.1\r\nHost: world\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        try:
            if call is not None:
                call.begin()
            writer.write(words)
            answer = await reader.read()
        finally:
            writer.transport.abort()
        if not answer:
            raise ConnectionError("the world said nothing")
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body


def _doing(kind: str, *, begins: bool) -> Any:
    async def run(effect: Any, call: Call, tools: Telephone) -> list[Command]:
        status, _ = await tools.say("POST", f"/do/{kind}/{call.key}", call if begins else None)
        if status == 503:
            raise NotSent("the world was not in the mood")
        return [ReadNotification(notification_id=call.key)]

    return run


async def ask(effect: Pay, call: Call, tools: Telephone) -> Told:
    """Ask the world."""
    _, body = await tools.say("GET", f"/of/{call.key}")
    return Done([ReadNotification(notification_id=call.key)]) if msgspec.json.decode(body)["done"] else "not done"


def settled(effect: Mail, envelope: Any, why: str) -> list[Command]:
    """What reports a mail that counts as sent."""
    return [ReadNotification(notification_id=UUID(int=effect.number))]


def domain(at_once: int = 0) -> Domain:
    """The domain that has these kinds; `at_once` bounds what cannot be asked."""
    there = Destination(of=lambda effect: "the world", failures=10_000)
    bulk: Any = {"lane": "bulk", "timeout": TIMEOUT, "tries": 0, "backoff": BACKOFF}
    return Domain(
        name=DOMAIN,
        tables=(),
        decides={},
        writes={},
        effects=(
            EffectKind(name="task", payload=Task, run=_doing("task", begins=False), **bulk),
            EffectKind(name="pay", payload=Pay, run=_doing("pay", begins=True), nature=Asking(ask), destination=there, **bulk),
            EffectKind(
                name="mail", payload=Mail, run=_doing("mail", begins=True), nature=Neither(), at_once=at_once, settled=settled, **bulk
            ),
        ),
    )
