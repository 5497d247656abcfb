"""Outboxes: what lies there is taken into the log within moments."""

import sql
from contracts.domains import DOMAINS
from deploy.check.differences import Difference
from deploy.check.look import Look

_q = sql.load("check")
REMEDY = "Does the process `log` run? `flatrender log alarms` says whether it waits for a person."


async def find(look: Look) -> list[Difference]:
    """Of every domain."""
    found = []
    for domain in DOMAINS:
        row = await look.conn.fetchrow(_q.oldest_waiting.replace("{schema}", domain), look.bounds.waiting)
        if row is not None:
            there = f"{row['count']}, the oldest of {row['oldest']:%Y-%m-%d %H:%M:%S}"
            expected = f"no event older than {look.bounds.waiting:.0f} s"
            found.append(Difference(name="outboxes", place=f"{domain}.outbox", expected=expected, found=there, remedy=REMEDY, moves=True))
    return found
