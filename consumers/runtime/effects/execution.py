"""One effect from its claim to its report, by the nature of its kind."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from consumers.runtime.effects.calling import called, tellable
from consumers.runtime.effects.declared import Asking, Chunked, Done, EffectFailed, Neither, NotSent, TooLate, TryLater
from consumers.runtime.effects.row import TO_BEGIN, Claimed, Try, answer_of
from consumers.runtime.effects.statements import LEASE, UNREADABLE, Move, Statements
from consumers.runtime.leading import Leading, clock
from consumers.runtime.store import to_json
from contracts.actors import SYSTEM
from contracts.effects import EffectEnd, EffectState
from contracts.envelope import Envelope
from contracts.message import Command

log = logging.getLogger(__name__)
REPORT_AGAIN = 1.0  # seconds until a report that could not be published is published again, twice as long each time, at most
REPORT_LONGEST = 60.0
NOT_YET = 2.0  # seconds until the other side is asked once more, twice as long each time, at most
ASK_LONGEST = 300.0
FOR_EVER = 20 * 365 * 86400.0  # seconds until what only a person can settle is looked at again
Publish = Callable[[Command, Envelope], Awaitable[Any]]


class Carrier:
    """Carries out what was claimed. `later` is told of seconds after which a row that was put by has to be looked at."""

    def __init__(
        self, statements: Statements, leading: Leading, publish: Publish, tools: Callable[[Claimed], Any], later: Callable[[float], None]
    ) -> None:
        self._rows, self._leading, self._publish, self._tools, self._later = statements, leading, publish, tools, later
        self._gates: dict[str, asyncio.Semaphore] = {}

    async def carry_out(self, row: Claimed) -> None:
        """Do it once, and say what came of it. Only a cancellation is raised."""
        await self._or_later(row, self._carry_out(row))

    async def report(self, row: Claimed) -> None:
        """Report what has ended; of an end without an answer (a person's) the answer is made first."""
        await self._or_later(row, self._end_again(row) if row.answer is None else self._report(row, row.state))

    async def settle(self, row: Claimed) -> None:
        """Look at what is unknown: tell a domain of money, ask, or see whether it is time to count it."""
        await self._or_later(row, self._settle(row))

    async def _or_later(self, row: Claimed, work: Awaitable[None]) -> None:
        """Do it; when a kind's reports cannot be made or kept, its row stays as it is, for a release that can, or a person."""
        try:
            await work
        except Exception as error:  # whatever it was, it is a fault of this release
            why = f"its end cannot be told: {type(error).__name__}: {error}"
            log.exception("ALARM: %s: %s %s stays: %s", self._rows.domain, row.kind.name, row.id, why)
            if await self._rows.put_by(row, why):
                self._release(row, UNREADABLE)

    async def _carry_out(self, row: Claimed) -> None:
        if not await self._leading.holds(row.lease):
            return
        if isinstance(row.kind.nature, Chunked):
            await self._chunk(row, row.kind.nature)
        elif row.kind.repeatable:
            await self._try(row, Try(row))
        elif row.kind.most:
            async with self._gates.setdefault(row.kind.name, asyncio.Semaphore(row.kind.most)):
                await self._hand_over(row)
        else:
            await self._hand_over(row)

    async def _hand_over(self, row: Claimed) -> None:
        """Mark it as being handed over, then do it at once, or not at all."""
        until = clock() + TO_BEGIN
        if await self._rows.move(Move(row=row, state="handing", keeps=True, seconds=row.kind.timeout + TO_BEGIN)):
            await self._try(row, Try(row, until))

    async def _try(self, row: Claimed, call: Try) -> None:
        try:
            async with asyncio.timeout(row.kind.timeout):
                commands = await called(row.kind.run(row.effect, call, self._tools(row)))
            answer = tellable(row.reports_of(commands, "done"))
        except EffectFailed as failed:
            log.warning("%s: %s failed for good: %s", self._rows.domain, row.kind.name, failed)
            await self._failed(row, failed)
        except TooLate:
            await self._back(row, 0.0, "it came too late to be handed over", counts=False)
        except TryLater as peace:
            await self._rows.hear(row, failed=False, peace=peace.seconds)
            await self._back(row, peace.seconds, str(peace), counts=False)
        except NotSent as error:
            await self._again(row, f"{error}")
        except Exception as error:  # whatever it was
            why = f"{type(error).__name__}: {error}"
            # Not sent is what the function never began to send; of all else nobody knows.
            await (self._again(row, why) if row.kind.repeatable or not call.begun else self._doubt(row, why))
        else:
            await self._succeeded(row, answer)

    async def _succeeded(self, row: Claimed, answer: Sequence[Command]) -> None:
        if row.failures:
            await self._rows.hear(row, failed=False)
        await self._end(row, "done", "done", answer)

    async def _failed(self, row: Claimed, failed: EffectFailed) -> None:
        """The other side's last word: the domain hears it, and where it hears nothing a person does."""
        row.last_error = str(failed)
        if row.failures:  # who refuses for good answers again
            await self._rows.hear(row, failed=False)
        commands = row.reports_of(failed.commands, "exhausted")
        await self._end(row, "done" if commands else "exhausted", "exhausted", commands)

    async def _again(self, row: Claimed, why: str) -> None:
        """It failed for now; the last try is its end."""
        kind = row.kind
        log.warning("%s: %s failed (attempt %d): %s", self._rows.domain, kind.name, row.attempts, why)
        await self._rows.hear(row, failed=True)
        if 0 < kind.tries <= row.attempts:
            await self._exhaust(row, why)
        else:
            await self._back(row, kind.backoff.after(row.attempts), why)

    async def _exhaust(self, row: Claimed, why: str) -> None:
        row.last_error = why
        commands = row.reports_of(row.kind.exhausted(row.effect, row.envelope, why), "exhausted")
        log.error("%s: %s %s is given up after %d tries: %s", self._rows.domain, row.kind.name, row.id, row.attempts, why)
        await self._end(row, "exhausted", "exhausted", commands)

    async def _back(self, row: Claimed, seconds: float, why: str, *, counts: bool = True) -> None:
        if await self._rows.move(Move(row=row, state="due", seconds=seconds, attempts=0 if counts else -1, error=why)):
            self._release(row, seconds)

    async def _doubt(self, row: Claimed, why: str) -> None:
        """Nobody knows whether it was done: a domain of money hears of it, and it is looked at when nothing can be on its way any more."""
        log.warning("%s: what became of %s %s is unknown: %s", self._rows.domain, row.kind.name, row.id, why)
        row.last_error = why
        await self._rows.hear(row, failed=True)
        if await self._rows.move(Move(row=row, state="unknown", error=why)):
            self._release(row, row.kind.timeout + TO_BEGIN)

    async def _end_again(self, row: Claimed) -> None:
        await self._end(row, row.state, row.ended, self._commands_of(row, row.ended))

    async def _end(self, row: Claimed, state: EffectState, ended: EffectEnd, commands: Sequence[Command]) -> None:
        """Keep the answer, then report it."""
        if not commands:
            await self._told(row, state, ended)
        elif await self._rows.move(
            Move(row=row, state=state, ended=ended, owing=True, answer=tellable(commands), keeps=True, seconds=LEASE, error=row.last_error)
        ):
            row.ended, row.answer = ended, list(commands)
            await self._report(row, state)

    async def _report(self, row: Claimed, state: EffectState) -> None:
        """Publish the stored answer, under ids that are the same each time; what cannot be published is published later."""
        assert row.answer is not None
        if not await self._leading.holds(row.lease):
            return
        try:
            for number, command in enumerate(row.answer):
                identity = row.report_id(number, row.ended)
                await self._publish(command, row.envelope.caused(command, id=identity, time=datetime.now(UTC), actor=SYSTEM))
        except Exception as error:  # the broker is away, say: the row keeps the answer
            log.warning("%s: the end of %s cannot be reported yet: %s: %s", self._rows.domain, row.kind.name, type(error).__name__, error)
            seconds = min(REPORT_LONGEST, REPORT_AGAIN * 2.0 ** min(row.asks, 10))
            if await self._rows.move(Move(row=row, owing=True, seconds=seconds, asks=1)):
                self._release(row, seconds)
            return
        await self._told(row, state, row.ended, reports=1)

    async def _told(self, row: Claimed, state: EffectState, ended: EffectEnd, *, reports: int = 0) -> None:
        """There is nothing to report any more: what is done is forgotten, all else goes on."""
        if state == "done":
            await self._rows.drop(row)
            return
        seconds = FOR_EVER if state == "exhausted" else 0.0
        if await self._rows.move(
            Move(row=row, state=state, ended=ended, seconds=seconds, reports=reports, asks=-row.asks, error=row.last_error or None)
        ):
            self._release(row, seconds)

    def _release(self, row: Claimed, seconds: float) -> None:
        """The row is nobody's now, though its task is not over yet."""
        row.released = True
        self._later(seconds)

    async def _settle(self, row: Claimed) -> None:
        if row.kind.ended is not None and row.ended != "unknown":
            await self._end(row, "unknown", "unknown", row.reports_of((), "unknown"))
            return
        match row.kind.nature:
            case Asking(ask):
                await self._ask(row, ask)
            case Neither(hours, counts_as):
                await self._count(row, hours, counts_as)
            case _:  # of a kind that has become repeatable
                await self._back(row, 0.0, row.last_error)

    async def _ask(self, row: Claimed, ask: Callable[..., Awaitable[Any]]) -> None:
        why = row.last_error
        try:
            async with asyncio.timeout(row.kind.timeout):
                told = await called(ask(row.effect, Try(row), self._tools(row)))
            answer = tellable(row.reports_of(told.commands, "done")) if isinstance(told, Done) else ()
        except Exception as error:  # whatever it was, it is not known yet
            told, answer, why = "not known yet", (), f"asking failed: {type(error).__name__}: {error}"
        if isinstance(told, Done):
            await self._end(row, "done", "done", answer)
        elif told == "not done":
            tries = row.kind.tries
            await (self._exhaust(row, why or "it was not done") if 0 < tries <= row.attempts else self._back(row, 0.0, why))
        else:
            seconds = min(ASK_LONGEST, NOT_YET * 2.0 ** min(row.asks, 10))
            if await self._rows.move(Move(row=row, seconds=seconds, asks=1, error=why)):
                self._release(row, seconds)

    async def _count(self, row: Claimed, hours: float, counts_as: str) -> None:
        left = hours * 3600.0 - row.unknown_for
        if not hours or left > 0:
            await self._rows.move(Move(row=row, seconds=left if hours else FOR_EVER))
            return
        row.last_error = row.last_error or f"unknown for {hours:g} hours"
        if counts_as == "sent":
            await self._end(row, "done", "done", self._commands_of(row, "done"))
        else:
            await self._end(row, "done", "given_up", self._commands_of(row, "given_up"))

    def _commands_of(self, row: Claimed, ended: EffectEnd) -> list[Command]:
        """What reports an end of which there is no answer: a person's, the rule's, or that it is unknown."""
        kind, why = row.kind, row.last_error
        first = {"done": kind.settled, "given_up": kind.exhausted, "exhausted": kind.exhausted}.get(ended)
        return row.reports_of(first(row.effect, row.envelope, why) if first else (), ended)

    async def _chunk(self, row: Claimed, nature: Chunked) -> None:
        try:
            step = await self._stepped(row, nature)
        except EffectFailed as failed:
            log.warning("%s: %s failed for good: %s", self._rows.domain, row.kind.name, failed)
            await self._failed(row, failed)
        except _Lost:
            log.info("%s: a chunk of %s was undone: it is another's by now, or was ended", self._rows.domain, row.kind.name)
        except Exception as error:  # whatever it was, the chunk is undone
            await self._again(row, f"{type(error).__name__}: {error}")
        else:
            await self._chunk_done(row, step)

    async def _chunk_done(self, row: Claimed, step: tuple[list[Command], bool]) -> None:
        commands, last = step
        if commands:
            row.ended, row.answer = "done" if last else "", commands
            await self._report(row, "done" if last else "due")
        elif last:
            await self._rows.drop(row)
        else:
            self._release(row, 0.0)

    async def _stepped(self, row: Claimed, nature: Chunked) -> tuple[list[Command], bool]:
        """One chunk and its cursor, in one transaction. Raises _Lost when the row is somebody else's by then."""
        cursor = msgspec.json.decode(row.cursor or "null", type=nature.cursor)
        async with asyncio.timeout(row.kind.timeout), self._rows.transaction({row.tenant_id}) as store:
            step = await called(nature.step(row.effect, cursor, store.conn, Try(row), self._tools(row)))
            commands = list(tellable(row.reports_of(step.commands, "done") if step.last else step.commands))
            now = to_json(step.cursor), answer_of(commands) if commands else None, bool(commands), step.last, LEASE, self._leading.lease
            if await store.conn.fetchval(store.q.keep_chunk, row.tenant_id, row.id, row.claim, *now) is None:
                raise _Lost
        return commands, step.last


class _Lost(Exception):
    """The claim is somebody else's."""
