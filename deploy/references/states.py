"""docs/reference/states.md: the states of rows, which event enters each, and the states of a node's daemon."""

import re

import asyncpg

from contracts.message import type_of
from deploy.domains import all_domains
from deploy.references.sources import HEAD, about, table
from deploy.references.touches import touches
from node_worker.states import MOVES

_RULES = """
select conrelid::regclass::text as name, pg_get_constraintdef(oid) as rule from pg_constraint
where contype = 'c' and conname like '%\\_state' order by conrelid::regclass::text
"""
_ABOUT = f"""# States

{HEAD}
What each `state` column may hold, from the table's constraint, and which events enter it, from the projections. A decider refuses,
or passes over, a command that does not fit the state. `awaiting_credit` is reserved: nothing enters it yet.
"""
_OPERATIONS = """## Operations

An operation is a command's row in its domain's `inbox`. `pending` is no state of the row: the command is accepted, and no row is there yet.
`reopened` is a quarantined one that a person had tried again; it is decided anew.
"""
_NODES = "## A node's daemon\n\nWhat each state means: [the node's protocol](../node-protocol.md).\n\n```mermaid\nstateDiagram-v2\n"


async def document(conn: asyncpg.Connection) -> str:
    """The whole text."""
    entered = _entered()
    allowed = {row["name"]: re.findall(r"'(\w+)'::text", row["rule"]) for row in await conn.fetch(_RULES)}
    parts = [_ABOUT]
    for name in sorted(set(allowed) & {held for held, _ in entered}):
        rows = [(f"`{state}`", "; ".join(entered.get((name, state), []))) for state in allowed[name]]
        parts.append(f"## {name}\n\n{table(('state', 'entered by'), rows)}")
    moves = "".join(f"  {state} --> {then}\n" for state, following in MOVES.items() for then in sorted(following))
    parts += [_OPERATIONS, f"{_NODES}  [*] --> starting\n{moves}```\n"]
    return "\n".join(parts)


def _entered() -> dict[tuple[str, str], list[str]]:
    """For each table and state, the events that set it, with what they say."""
    found: dict[tuple[str, str], list[str]] = {}
    for domain in all_domains():
        for event, write in domain.writes.items():
            for touch in touches(write, event):
                for state in touch.states:
                    found.setdefault((touch.table.name, state), []).append(f"`{type_of(event).name}`: {about(event).rstrip('.')}")
    return found
