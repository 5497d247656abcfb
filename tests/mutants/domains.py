"""What a domain is, as checks: one that is made later is what the others are, a copy says what was said; and changes that break it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from msgspec.structs import replace

from consumers.runtime import copies
from consumers.runtime.copies import copy, last_word
from consumers.runtime.table import Table
from consumers.studio.copies import FILES
from contracts.entity import Row
from contracts.file_mgr.files import FileReady
from tests.mutants.checks import hold
from tests.mutants.reactions import told
from tests.support.in_process import InProcessDomains
from tests.support.made_domains import made

WORK, CHECKED = "platform.make_work_tables(text)", "platform.let_check(regclass)"


class Named(Row, frozen=True, kw_only=True):
    """What no event of a file says."""

    nickname: str


def _ready(file_id: Any, sha256: str) -> FileReady:
    return FileReady(file_id=file_id, kind="video", sha256=sha256, bytes=1, width=1, height=1, duration=1.0, scan_key="")


async def a_domain_that_is_made_is_what_the_others_are(in_process: InProcessDomains) -> None:
    """Its tables, their checks and what each role may do with them."""
    transaction = in_process.admin.transaction()
    await transaction.start()
    try:
        await in_process.admin.execute("select platform.make_domain('seventh')")
        new, old = await made(in_process.admin, "seventh"), await made(in_process.admin, "identity")
    finally:
        await transaction.rollback()
    hold(new == old, f"it differs: {sorted(set(new) ^ set(old))}")


async def a_copy_of_facts_keeps_the_first_word(in_process: InProcessDomains) -> None:
    """Each fact comes once; what comes under its key later is none."""
    tenant, file = await in_process.tenant(), uuid4()
    happened = await told(in_process, [_ready(file, "first"), _ready(file, "second")], tenant)
    domain = in_process.domains["studio"]
    await in_process.decide("studio", [], happened[-1].position, in_process.taken(domain, happened).folded)
    known = await in_process.admin.fetchval("select sha256 from studio.known_files where file_id = $1", file)
    hold(known == "first", f"the copy has the {known} word")


async def a_copy_lacks_nothing(in_process: InProcessDomains) -> None:
    """What no event says is noticed when the copy is declared, and not when the first event comes."""
    noticed = False
    try:
        copy("named", FileReady, Table("studio.named", Named, ()))
    except TypeError:
        noticed = True
    hold(noticed, "a copy was declared with a column that no event fills")


def _changed(function: str, change: Callable[[str], str]) -> Any:
    """A function of the database that a migration had written otherwise."""

    @asynccontextmanager
    async def mutant(in_process: InProcessDomains) -> AsyncIterator[None]:
        text = await in_process.admin.fetchval("select pg_get_functiondef($1::regprocedure)", function)
        assert change(text) != text, f"{function} is written otherwise"
        await in_process.admin.execute(change(text))
        yield

    return mutant


def outboxes_take_every_type(in_process: InProcessDomains) -> Any:
    """What cannot be published is let into the outbox, and stops the log."""
    return _changed(
        WORK, lambda text: text.replace("constraint outbox_type check (type ~", "constraint outbox_type check (true or type ~")
    )(in_process)


def inboxes_are_not_guarded(in_process: InProcessDomains) -> Any:
    """A new domain's operations are everybody's."""
    return _changed(
        WORK, lambda text: text.replace("perform platform.guard(format('%I.inbox', domain)::regclass, 'work',", "perform concat(")
    )(in_process)


def the_check_reads_answers(in_process: InProcessDomains) -> Any:
    """The standing check sees how commands were answered."""
    return _changed(CHECKED, lambda text: text.replace("'outcome', ", ""))(in_process)


def every_word_is_taken_down(in_process: InProcessDomains) -> Any:
    """What is said last goes over what was a fact."""
    domain = in_process.domains["studio"]
    reacts = tuple(copy("files", FileReady, FILES, replaces=last_word) if one.name == "files" else one for one in domain.reacts)
    return patch.dict(in_process.domains, {"studio": replace(domain, reacts=reacts)})


def columns_are_not_looked_for(in_process: InProcessDomains) -> Any:
    """Whether all is said is seen when it is missing."""
    return patch.object(copies, "_sources", lambda what, speakers, into, renamed: dict.fromkeys(into.fields))
