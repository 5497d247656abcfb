"""What a table outside the log promises, and that no message carries into the log, or into work that waits, what belongs there."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from consumers.runtime.domain import SetRecurring, SetTimer
from consumers.runtime.private import PrivateTable
from contracts.domains import DOMAINS
from contracts.message import Event, all_types
from contracts.personal import fields_of
from contracts.visibility import Personal, Secret, Visibility
from deploy.domains import all_domains
from deploy.local.servers import Servers
from tests.support.private import CODES, CONTACTS, TABLES, ForgetPerson, KeepContact, people, registered

REAL = [table for domain in all_domains() for table in domain.private]
VIEWED: dict[str, set[str]] = {}
"""Columns of private tables that a view of the schema read names, by the table's name."""
DRAWN = {"secret_sha256"}
"""What events may hold of secrets: hashes of such as the product drew itself, of 160 bits."""
READERS = [f"{domain}_app" for domain in DOMAINS] + ["log_app", "check_app", "edge_ro", "read_owner"]
PRIVILEGE = "select has_table_privilege($1::name, $2::text::regclass, $3::text)"
READ = """
    select attname from pg_attribute where attrelid = $2::text::regclass and attnum > 0 and not attisdropped
    and has_column_privilege($1::name, attrelid, attnum, 'select')
"""
KEYS = """
    select array(select a.attname::text from unnest(i.indkey) with ordinality k(num, at)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num order by k.at) as columns, i.indisprimary as is_key
    from pg_index i where i.indrelid = $1::text::regclass
"""
TIES = """
    select conname from pg_constraint where contype = 'f' and conrelid <> confrelid and $1::text::regclass in (conrelid, confrelid)
"""


async def faults(db: asyncpg.Connection, table: PrivateTable[Any]) -> list[str]:
    """In what a private table is not what it has to be."""
    found = []
    if not (await db.fetchval("select obj_description($1::text::regclass)", table.name) or "").startswith("private: "):
        found.append("its comment does not say its kind")
    if not await db.fetchval("select relrowsecurity and relforcerowsecurity from pg_class where oid = $1::text::regclass", table.name):
        found.append("it has no forced row-level security")
    keys = await db.fetch(KEYS, table.name)
    if [row["columns"] for row in keys if row["is_key"]] != [["tenant_id", *table.key]]:
        found.append("its key is not the tenant and the declared key")
    if not any(row["columns"][:2] == ["tenant_id", table.whose] for row in keys):
        found.append(f"no index finds what is somebody's, by {table.whose}")
    columns = await db.fetch("select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0", table.name)
    if {row["attname"] for row in columns} != set(table.fields):
        found.append("its columns are not its row's fields")
    if ties := await db.fetch(TIES, table.name):
        found.append(f"{ties[0]['conname']} ties it to what is replayed, or to what outlives it")
    return found + await _wrong_privileges(db, table)


async def _wrong_privileges(db: asyncpg.Connection, table: PrivateTable[Any]) -> list[str]:
    owner = f"{table.name.partition('.')[0]}_app"
    acts = ("select", "insert", "update", "delete")
    found = [f"{owner} may not {act}" for act in acts if not await db.fetchval(PRIVILEGE, owner, table.name, act)]
    for reader in READERS:
        columns = {row["attname"] for row in await db.fetch(READ, reader, table.name)} if reader != owner else set()
        if extra := columns - (VIEWED.get(table.name, set()) if reader == "read_owner" else set()):
            found.append(f"{reader} reads {', '.join(sorted(extra))}")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sample(servers: Servers) -> Any:
    """An administrator's connection to a database with the sample's tables."""
    async with people(servers.pg_admin_dsn) as in_process:
        yield in_process.admin


async def test_every_private_table_is_what_it_has_to_be(sample: asyncpg.Connection) -> None:
    for table in (*REAL, CONTACTS, CODES):
        assert await faults(sample, table) == [], table.name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("comment on table identity.contacts is 'work: where people are reached'", "its comment"),
        ("alter table identity.contacts disable row level security", "row-level security"),
        ("alter table identity.contacts drop constraint contacts_pkey, add primary key (contact_id)", "its key"),
        ("drop index identity.contacts_of", "no index finds"),
        ("alter table identity.contacts add column note text", "its columns"),
        ("alter table identity.contacts add constraint tied foreign key (tenant_id) references identity.tenants", "tied ties it"),
        ("revoke delete on identity.contacts from identity_app", "identity_app may not delete"),
        ("grant select on identity.contacts to read_owner", "read_owner reads address"),
        ("grant select (address) on identity.contacts to check_app", "check_app reads address"),
        ("grant usage on schema identity to studio_app; grant select on identity.contacts to studio_app", "studio_app reads address"),
    ],
)
async def test_a_private_table_that_is_made_wrongly_is_told(sample: asyncpg.Connection, change: str, said: str) -> None:
    trying = sample.transaction()
    await trying.start()
    try:
        await sample.execute(change)
        assert any(said in fault for fault in await faults(sample, CONTACTS))
    finally:
        await trying.rollback()


async def test_a_table_is_private_by_its_kind_alone(sample: asyncpg.Connection) -> None:
    """Of another kind, others would read it: the kind is what keeps them out."""
    trying = sample.transaction()
    await trying.start()
    try:
        await sample.execute("drop table identity.contacts, identity.codes")
        await sample.execute(TABLES.replace("'private'", "'work'"))
        assert any("read_owner reads" in fault for fault in await faults(sample, CONTACTS))
    finally:
        await trying.rollback()


def test_no_event_holds_what_is_personal() -> None:
    """An event is in the chained log for ever; it names the row that holds it instead."""
    events = [entry.cls for entry in all_types() if issubclass(entry.cls, Event)]
    assert {cls.__name__: fields_of(cls, Visibility.PERSONAL) for cls in events if fields_of(cls, Visibility.PERSONAL)} == {}


def test_no_event_holds_a_secret_but_the_hash_of_a_drawn_one() -> None:
    events = [entry.cls for entry in all_types() if issubclass(entry.cls, Event)]
    secrets = {field.rpartition(".")[2] for cls in events for field in fields_of(cls, Visibility.SECRET)}
    assert secrets <= DRAWN


def test_no_effect_waits_with_what_is_personal() -> None:
    """Its row lies there until it is done, and longer; it names whom it concerns, and reads the rest when it runs."""
    kinds = [kind for domain in all_domains() for kind in domain.effects]
    assert kinds
    assert [kind.name for kind in kinds if fields_of(kind.payload, Visibility.PERSONAL)] == []


def test_no_timer_waits_with_what_is_personal() -> None:
    due, command = datetime(2031, 1, 1, tzinfo=UTC), KeepContact(person_id=uuid4(), address="a@b")
    with registered():
        with pytest.raises(ValueError, match="holds what is personal"):
            SetTimer(name="a timer", due_at=due, command=command)
        with pytest.raises(ValueError, match="holds what is personal"):
            SetRecurring(name="a timer", rule="FREQ=DAILY", zone="UTC", missed="one", command=command)
        SetTimer(name="a timer", due_at=due, command=ForgetPerson(person_id=uuid4()))


class Place(msgspec.Struct):
    """Where somebody is reached."""

    street: Personal[str]
    country: str


class Letter(msgspec.Struct):
    """To several places."""

    to: tuple[Place, ...]
    by: dict[str, Place] | None
    name: Annotated[Personal[str], msgspec.Meta(max_length=10)]
    seal: Secret[str]


def test_personal_fields_are_found_in_every_container() -> None:
    assert fields_of(KeepContact, Visibility.PERSONAL) == ("address",)
    assert fields_of(Letter, Visibility.PERSONAL) == ("to.street", "by.street", "name")
    assert fields_of(Letter, Visibility.SECRET) == ("seal",)
