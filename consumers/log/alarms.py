"""What stops the log or a part of it until a person has looked: said once in the process's log, and kept for `flatrender doctor`."""

import logging

import asyncpg

import sql

log = logging.getLogger(__name__)
WINDOW = "window"  # EVENTS and the log contradict each other
q = sql.load("log")


class Alarms:
    """Over a connection of the sequencer's role; callers see to it that it is not in use."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn
        self._sounded: dict[str, str] = {}

    async def load(self) -> None:
        """Learn what an earlier sequencer left, so that it can be ended."""
        self._sounded = {row["name"]: row["detail"] for row in await self._conn.fetch(q.alarms)}
        for name, detail in self._sounded.items():
            log.warning("alarm %s stands since before: %s", name, detail)

    @property
    def names(self) -> set[str]:
        """Of the alarms that stand."""
        return set(self._sounded)

    async def sound(self, name: str, detail: str, remedy: str) -> None:
        """Say it, unless it was said already."""
        if self._sounded.get(name) != detail:
            log.error("alarm %s: %s. %s", name, detail, remedy)
            await self._conn.execute(q.sound_alarm, name, detail, remedy)
            self._sounded[name] = detail

    async def end(self, name: str) -> None:
        """It was put right."""
        if self._sounded.pop(name, None) is not None:
            log.info("alarm %s has ended", name)
            await self._conn.execute(q.end_alarm, name)
