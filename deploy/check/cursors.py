"""Cursors: none beyond what is published, none far behind without somebody working at it."""

import sql
from consumers.runtime.domain import Domain
from consumers.runtime.reactions import CURSOR, ears_of
from deploy.check.differences import Difference
from deploy.check.look import Look

_q = sql.load("check")
BEYOND = "Set it back to a position whose events the domain has reacted to; the inbox drops what is done twice."
BEHIND = "See the file of `consumers`: does the domain run, does it wait (`ALARM`), is a type parked?"


async def find(look: Look) -> list[Difference]:
    """Of every domain."""
    return [one for domain in look.domains for one in await _of(look, domain)]


async def _of(look: Look, domain: Domain) -> list[Difference]:
    found = []
    ears = ears_of(domain.reacts)
    for row in await look.conn.fetch(_q.cursors.replace("{schema}", domain.name)):
        types = ears.types({row["name"].removeprefix(CURSOR)})
        place = f"the cursor {row['name']} of {domain.name}"
        if row["position"] > look.head.published:
            expected = f"at most {look.head.published}, up to where the log is published"
            found.append(Difference(name="cursors", place=place, expected=expected, found=str(row["position"]), remedy=BEYOND))
        elif types and (late := await look.conn.fetchrow(
            _q.unheard, row["position"], look.head.published, types, look.bounds.unheard
        )):  # fmt: skip
            expected = f"a reaction to position {late['position']} ({late['type']}) of {late['time']:%H:%M:%S}"
            found.append(Difference(name="cursors", place=place, expected=expected, found=str(row["position"]), remedy=BEHIND, moves=True))
    return found
