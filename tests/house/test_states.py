"""What a row may hold is said once more in its table: the two must agree, and what a command may ask for must fit in."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import asyncpg
import msgspec

from contracts.message import Command, all_types
from deploy.domains import all_domains
from tests.support.databases import migrated

CHECKS = """
select c.conrelid::regclass::text as table, a.attname as column, pg_get_constraintdef(c.oid) as rule
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
where c.contype = 'c' and cardinality(c.conkey) = 1
"""


async def rules(servers: Any) -> dict[tuple[str, str], list[str]]:
    """The checks of each column that are about it alone."""
    found: dict[tuple[str, str], list[str]] = {}
    async with migrated(servers.pg_admin_dsn) as dsn:
        conn = await asyncpg.connect(dsn)
        try:
            for row in await conn.fetch(CHECKS):
                found.setdefault((row["table"], row["column"]), []).append(row["rule"])
        finally:
            await conn.close()
    return found


def words_of(kind: Any) -> set[str]:
    """The words that a field may be, where it may be nothing else but None."""
    parts = [part for part in get_args(kind) if part is not type(None)] if get_origin(kind) in (Union, UnionType) else [kind]
    return set(get_args(parts[0])) if len(parts) == 1 and get_origin(parts[0]) is Literal else set()


async def test_a_rows_words_are_those_that_its_table_takes_and_every_state_is_among_them(servers: Any) -> None:
    found, apart, compared = await rules(servers), [], 0
    for table in (table for domain in all_domains() for table in domain.tables):
        for name, kind in get_type_hints(table.row).items():
            taken = {word for rule in found.get((table.name, name), ()) for word in re.findall(r"'(\w*)'::text", rule)}
            words = words_of(kind)
            compared += bool(words and taken)
            if taken != words and (taken or name == "state"):
                apart.append(f"{table.name}.{name}: {sorted(taken ^ words)}")
    assert apart == [] and compared > 15


def test_no_event_says_freely_what_a_row_knows_by_its_words() -> None:
    """A row is read by its type: what an event may say and its row may not would make it unreadable, and its domain with it."""
    apart, compared = [], 0
    for domain in all_domains():
        for table, event in ((table, event) for table in domain.tables for event in domain.writes):
            if set(table.key) <= set(event.__struct_fields__):
                said = get_type_hints(event)
                worded = [name for name, kind in get_type_hints(table.row).items() if get_origin(kind) is Literal and name in said]
                apart += [f"{event.__name__}.{name} falls into {table}" for name in worded if said[name] is str]
                compared += len(worded)
    assert apart == [] and compared > 10


async def test_a_commands_bounds_lie_within_those_of_the_columns_that_it_fills(servers: Any) -> None:
    found, apart, compared = await rules(servers), [], 0
    for command, name, bounds in bounded():
        for (table, column), texts in found.items():
            if column != name or not table.startswith(f"{command.split('.')[0]}."):
                continue
            for low, high in re.findall(r"\w+ >= (\d+)\) AND \(\w+ <= (\d+)", " ".join(texts)):
                compared += 1
                if not int(low) <= bounds.ge <= bounds.le <= int(high):
                    apart.append(f"{command}.{name} is {bounds.ge} to {bounds.le}, {table} takes {low} to {high}")
    assert apart == [] and compared >= 4


def bounded() -> Iterator[tuple[str, str, Any]]:
    """Every field of a command that is a number between two others."""
    for entry in all_types():
        for field in msgspec.structs.fields(entry.cls) if issubclass(entry.cls, Command) else ():
            for part in (field.type, *get_args(field.type)):
                for bounds in part.__metadata__ if get_origin(part) is Annotated else ():
                    if isinstance(bounds, msgspec.Meta) and bounds.ge is not None and bounds.le is not None:
                        yield entry.name, field.name, bounds
