"""A domain with tables outside the log, over the schema of identity: where people are reached, and what codes they were sent."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.identity import DOMAIN as IDENTITY
from consumers.runtime.domain import Answer, Context, Domain, refuse
from consumers.runtime.private import Erase, Keep, PrivateTable, everything_of
from consumers.runtime.projection import nothing
from consumers.runtime.retention_rules import Kept, Swept
from consumers.runtime.state import View
from contracts import message as registry
from contracts.entity import Row
from contracts.message import Command, Event, message
from contracts.visibility import Personal
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains

TABLES = """
    set role identity_owner;
    create table identity.contacts (
      tenant_id uuid not null, contact_id uuid not null, version bigint not null, created_at timestamptz not null,
      updated_at timestamptz not null, person_id uuid not null, address text not null,
      primary key (tenant_id, contact_id), constraint contacts_address unique (tenant_id, address));
    create index contacts_of on identity.contacts (tenant_id, person_id);
    create table identity.codes (
      tenant_id uuid not null, person_id uuid not null, version bigint not null, created_at timestamptz not null,
      updated_at timestamptz not null, sha256 text not null, primary key (tenant_id, person_id));
    reset role;
    select platform.guard('identity.contacts', 'private', 'where people are reached');
    select platform.guard('identity.codes', 'private', 'what people were sent to prove it');
"""


class Contact(Row, frozen=True, kw_only=True):
    """Where a person is reached."""

    contact_id: UUID
    person_id: UUID
    address: str


class Code(Row, frozen=True, kw_only=True):
    """What a person was sent."""

    person_id: UUID
    sha256: str


class KeepContact(Command, frozen=True, kw_only=True):
    """Know where a person is reached; an address without @ is refused, one that begins with ! meets a bug."""

    person_id: UUID
    address: Personal[str]
    contact_id: UUID | None = None


class ContactKept(Event, frozen=True, kw_only=True):
    """A person can be reached."""

    contact_id: UUID
    person_id: UUID


class DropContact(Command, frozen=True, kw_only=True):
    """Do not reach them there any more."""

    contact_id: UUID


class ForgetPerson(Command, frozen=True, kw_only=True):
    """Know nothing of a person any more."""

    person_id: UUID


class PersonForgotten(Event, frozen=True, kw_only=True):
    """Nothing is known of a person any more."""

    person_id: UUID


MESSAGES: dict[type[registry.Message], str] = {
    KeepContact: "identity.contact.keep",
    ContactKept: "identity.contact.kept",
    DropContact: "identity.contact.drop",
    ForgetPerson: "identity.person.forget",
    PersonForgotten: "identity.person.forgotten",
}
CONTACTS = PrivateTable("identity.contacts", Contact, ("contact_id",), whose="person_id")
CODES = PrivateTable("identity.codes", Code, ("person_id",), whose="person_id")


def keep_contact(cmd: KeepContact, view: View, ctx: Context) -> Any:
    """The address goes beside the log, and that there is one into it."""
    if "@" not in cmd.address:
        return refuse("identity.address", f"{cmd.address} is no address", "address")
    if cmd.address.startswith("!"):
        raise ValueError(f"{cmd.address} was not expected")
    contact_id = cmd.contact_id or ctx.id("contact")
    moments: dict[str, Any] = {"tenant_id": ctx.tenant, "created_at": ctx.now, "updated_at": ctx.now}
    kept = (
        Keep(CONTACTS, Contact(**moments, contact_id=contact_id, person_id=cmd.person_id, address=cmd.address)),
        Keep(CODES, Code(**moments, person_id=cmd.person_id, sha256="0" * 64)),
    )
    body = {"contact_id": contact_id, "known": len(CONTACTS.rows_of(view, cmd.person_id))}
    return Answer([ContactKept(contact_id=contact_id, person_id=cmd.person_id)], body, kept)


def drop_contact(cmd: DropContact, view: View, ctx: Context) -> Any:
    """It is gone, whether it was there or not."""
    return Answer([], {"was": view.get(CONTACTS, cmd.contact_id) is not None}, (Erase(CONTACTS, (cmd.contact_id,)),))


def forget(cmd: ForgetPerson, view: View, ctx: Context) -> Any:
    """All of theirs goes; that they were forgotten stays."""
    gone = everything_of(view, cmd.person_id, PEOPLE.private)
    return Answer([PersonForgotten(person_id=cmd.person_id)], {"gone": len(gone)}, gone)


PEOPLE: Domain = msgspec.structs.replace(
    IDENTITY,
    decides=IDENTITY.decides | {KeepContact: keep_contact, DropContact: drop_contact, ForgetPerson: forget},
    writes=IDENTITY.writes | {ContactKept: nothing, PersonForgotten: nothing},
    private=(CONTACTS, CODES),
    retains=(Swept("codes", "created_at", 1), Kept("contacts", "a person's, until they are forgotten")),
)


def and_looks_back(event: ContactKept, envelope: Any, view: View) -> Any:
    """A projection that asks for what no replay has."""
    view.get(CONTACTS, event.contact_id)
    return ()


CURIOUS: Domain = msgspec.structs.replace(PEOPLE, writes=PEOPLE.writes | {ContactKept: and_looks_back})


@contextmanager
def registered() -> Iterator[None]:
    """The messages are known for a while: to no other test, and to no reference."""
    with patch.dict(registry._BY_CLASS), patch.dict(registry._BY_NAME):
        for cls, name in MESSAGES.items():
            if cls not in registry._BY_CLASS:  # another fixture is at it already
                message(name)(cls)
        yield


@asynccontextmanager
async def people(pg_admin_dsn: str, domain: Domain = PEOPLE) -> AsyncIterator[InProcessDomains]:
    """All domains over a database of their own, in which identity has these tables."""
    async with migrated(pg_admin_dsn) as dsn:
        conn = await asyncpg.connect(dsn)
        await conn.execute(TABLES)
        await conn.close()
        in_process = InProcessDomains(dsn)
        in_process.domains["identity"] = domain
        with registered():
            async with in_process:
                yield in_process


def address() -> str:
    """An address that is nowhere else."""
    return f"{uuid4().hex}@people.example"


async def places_of(conn: asyncpg.Connection, text: str) -> list[str]:
    """Every table of the database that has it in one of its rows."""
    tables = await conn.fetch(
        "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|information_schema)'"
    )
    found = [await conn.fetchval(f"select exists (select from {t['name']} t where strpos(t::text, $1) > 0)", text) for t in tables]
    return sorted(table["name"] for table, there in zip(tables, found, strict=True) if there)
