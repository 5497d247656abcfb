"""Effects of which no rows are kept: carried out in groups right after their batch, and found in the domain's tables after a crash."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import asyncpg

from consumers.runtime.effects.calling import called
from consumers.runtime.effects.declared import EffectKind
from consumers.runtime.effects.making import Grouped
from consumers.runtime.leading import Leading

log = logging.getLogger(__name__)
GROUP = 64  # effects of a group
GROUPS = 32  # that are under way at once


class GroupRunner:
    """Runs them while this process leads; a group fails as one, then each is tried by itself, so that one cannot hold the others up."""

    def __init__(self, name: str, kinds: Iterable[EffectKind], tools: Any, leading: Leading) -> None:
        self._name, self._tools, self._leading = name, tools, leading
        self._kinds = [kind for kind in kinds if kind.together is not None]
        self._slots = asyncio.Semaphore(GROUPS)
        self.running: set[asyncio.Task[None]] = set()

    def start(self, effects: Sequence[Grouped], attempt: int = 1, lease: int | None = None) -> None:
        """Begin groups of these, of each kind by itself."""
        lease = self._leading.lease if lease is None else lease
        for kind in self._kinds:
            group = [effect for effect in effects if effect.kind is kind]
            for begin in range(0, len(group), GROUP):
                running = asyncio.create_task(self._carry_out(kind, group[begin : begin + GROUP], attempt, lease))
                self.running.add(running)
                running.add_done_callback(self.running.discard)

    async def left(self, conn: asyncpg.Connection) -> list[Grouped]:
        """What a process that died may not have done."""
        found: list[Grouped] = []
        for kind in self._kinds:
            assert kind.together is not None
            found += [Grouped(kind, payload, envelope) for payload, envelope in await kind.together.left(conn)]
        return found

    async def _carry_out(self, kind: EffectKind, group: Sequence[Grouped], attempt: int, lease: int) -> None:
        assert kind.together is not None
        async with self._slots:
            try:
                if await self._leading.holds(lease):
                    await called(kind.together.run([(effect.payload, effect.envelope) for effect in group], self._tools))
            except Exception as error:  # whatever it was, they are tried again
                log.warning("%s: %d of %s failed: %s: %s", self._name, len(group), kind.name, type(error).__name__, error)
                seconds = kind.backoff.after(attempt)
                for effect in group:
                    asyncio.get_running_loop().call_later(seconds, partial(self.start, [effect], attempt + 1, lease))
