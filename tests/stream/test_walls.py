"""Every form that an attacker can try, as every role, nodes and viewers first: what counts is what streams hold and who heard something."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from adapters.nats import Connection, api
from contracts.catalogue import API, EVENTS, LOG_ACCOUNT, NODES, SERVICES, VIEWERS, WORK, Role, account_of, api_of, crossings
from tests.stream.support import NODE, OTHER_NODE, Login
from tests.stream.walls import (
    EVERYBODY,
    HEADERS,
    PULL,
    STREAMS,
    TENANT,
    Ears,
    Stored,
    asked_by,
    may,
    messages,
    requests,
    seed,
    settle,
    since,
    stored,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
ORDER = sorted((role for role in EVERYBODY.values() if role.name != f"node-{OTHER_NODE}"), key=lambda r: r.account not in (NODES, VIEWERS))
EVERY = pytest.mark.parametrize("role", ORDER, ids=[role.name if role.account != NODES else "node" for role in ORDER])


class AttackedServers(NamedTuple):
    """The servers with something in every stream, everybody listening, and the attacker."""

    admins: tuple[Connection, Connection]
    ears: Ears
    under_way: list[str]
    before: Stored
    nc: Connection


@pytest_asyncio.fixture(loop_scope="session")
async def attacked(admins: tuple[Connection, Connection], login: Login, role: Role) -> AsyncIterator[AttackedServers]:
    under_way = await seed(login, admins)
    ears = Ears()
    await ears.open(login)
    nc = await login(role.name)
    await settle(nc, admins)
    ears.others("")
    yield AttackedServers(admins, ears, under_way, await stored(admins), nc)


async def foreign(attacked: AttackedServers, role: Role, streams: list[str] | None = None) -> dict[str, list[tuple[str, ...]]]:
    """What was stored, and heard by others, under a subject that this role may not publish to."""
    await settle(attacked.nc, attacked.admins)
    kept = [(stream, subject) for stream, subject in await since(attacked.admins, attacked.before) if streams is None or stream in streams]
    return {
        "stored": [one for one in kept if not may(role.publish, one[1])],
        "heard": [one for one in attacked.ears.others(role.name) if not may(role.publish, one[2]) and not fed_by(role, one[2])],
    }


def fed_by(role: Role, subject: str) -> bool:
    """Whether it is what EVENTS tells of an event that the role may publish."""
    return subject.startswith("feed.") and may(role.publish, subject.removeprefix("feed."))


def changed(before: Stored, after: Stored, streams: list[str]) -> list[str]:
    """What is otherwise in these streams: configuration, messages that are gone, consumers and their places."""
    found = [name for name in streams if before.configs.get(name) != after.configs.get(name) or before.first[name] != after.first.get(name)]
    for place in before.consumers.keys() | after.consumers.keys():
        if place.split("/")[0] in streams and before.consumers.get(place) != after.consumers.get(place):
            found.append(f"{place}: {before.consumers.get(place)} -> {after.consumers.get(place)}")
    return found


@EVERY
async def test_nothing_is_stored_or_heard_under_a_subject_that_its_sender_may_not_publish_to(attacked: AttackedServers, role: Role) -> None:
    for subject in messages(role.name):
        await attacked.nc.publish(subject, b"{}")
    for subject in attacked.under_way:
        for body in (b"+ACK", b"+TERM", b"-NAK", b"+NXT", b""):
            await attacked.nc.publish(subject, body)
    assert await foreign(attacked, role) == {"stored": [], "heard": []}
    own = [subject for subject in attacked.under_way if may(role.publish, subject)]
    touched = {subject.split(".")[2] for subject in own}
    assert changed(attacked.before, await stored(attacked.admins), [name for name in STREAMS if name not in touched]) == []


@EVERY
async def test_a_reply_subject_reaches_nothing_that_its_sender_may_not_publish_to(attacked: AttackedServers, role: Role) -> None:
    """Between the services themselves it may still reach their own streams (decision 29); never the log's."""
    safe = [name for name in STREAMS if account_of(name) != role.account or role.account != SERVICES]
    harmless = [subject for subject in messages(role.name) if role.account != SERVICES or not subject.startswith("$JS")]
    targets = [*harmless, *(attacked.under_way if role.account != SERVICES else [])]
    targets += [subject for subject, _ in requests() if role.account not in (SERVICES, LOG_ACCOUNT)]
    for asked, body in asked_by(role):
        for target in targets:
            await attacked.nc.publish(asked, body, reply=target)
    found = await foreign(attacked, role, safe)
    if role.account == SERVICES:
        out = tuple(crossing.subject for crossing in crossings() if crossing.owner == SERVICES and crossing.kind == "stream")
        found["heard"] = [one for one in found["heard"] if EVERYBODY[one[0]].account != SERVICES and not may(out, one[1])]
    assert found == {"stored": [], "heard": []}
    mine = {f"{WORK}/{NODE}", *(f"{EVENTS}/walls-{name}" for name in EVERYBODY)}  # its own consumer may move
    after = await stored(attacked.admins)
    assert [one for one in changed(attacked.before, after, safe) if one.split(": ")[0] not in mine] == []


@EVERY
async def test_the_api_of_jetstream_does_nothing_for_whom_it_is_not_meant(attacked: AttackedServers, role: Role) -> None:
    inbox = attacked.nc.new_inbox()
    heard = []

    async def hear(msg: object) -> None:
        heard.append(msg)

    await attacked.nc.subscribe(f"{inbox}.*", cb=hear)
    for subject, body in requests():
        if not may(role.publish, subject):
            await attacked.nc.publish(subject, body, reply=f"{inbox}.1")
    assert await foreign(attacked, role) == {"stored": [], "heard": []}
    assert heard == []
    assert changed(attacked.before, await stored(attacked.admins), STREAMS) == []


@EVERY
async def test_a_header_does_no_more_than_the_message_itself(attacked: AttackedServers, role: Role) -> None:
    traces = [{"Nats-Trace-Dest": target, **more} for target in messages(role.name) for more in ({}, {"Nats-Trace-Only": "true"})]
    for subject in [one for one in messages(role.name) if may(role.publish, one)]:
        for headers in [*HEADERS, *traces]:
            await attacked.nc.publish(subject, b"{}", headers=headers)
    assert await foreign(attacked, role) == {"stored": [], "heard": []}
    after = await stored(attacked.admins)
    assert after.first == attacked.before.first and after.configs == attacked.before.configs


@EVERY
async def test_nobody_hears_what_is_not_for_him(attacked: AttackedServers, role: Role) -> None:
    heard: set[str] = set()

    async def hear(msg: object) -> None:
        heard.add(msg.subject)  # type: ignore[attr-defined]

    nc = attacked.nc
    wanted = [">", "*.>", "$JS.>", "$SYS.>", "_INBOX.>", "_R_.>", "$JS.EVENT.ADVISORY.>", "$JS.API.>", "$JS.ACK.>", *messages(role.name)]
    wanted += [f"_INBOX_{name}.>" for name in EVERYBODY if name != role.name]
    for subject in wanted:
        await nc.subscribe(subject, cb=hear)
    await settle(nc, attacked.admins)
    for admin in attacked.admins:
        for subject in messages("everybody"):
            await admin.publish(subject, b"{}")
    await settle(nc, attacked.admins)
    assert {subject for subject in heard if not may(role.subscribe, subject)} == set()


@pytest.mark.parametrize("role", [EVERYBODY[f"node-{NODE}"]], ids=["node"])
@pytest.mark.parametrize("kind", ["evt", "cmd", "report", "work"])
async def test_fifty_pulls_of_a_node_store_nothing_wherever_they_are_to_be_answered(
    attacked: AttackedServers, role: Role, kind: str
) -> None:
    (target,) = [
        one for one in messages("fifty") if one.startswith(f"{kind}.") and str(NODE) not in one and ("render" in one or kind != "cmd")
    ]
    for _ in range(50):
        await attacked.nc.publish(f"{API}.CONSUMER.MSG.NEXT.{WORK}.{NODE}", PULL, reply=target)
    await settle(attacked.nc, attacked.admins)
    assert await since(attacked.admins, attacked.before) == []


@pytest.mark.parametrize("role", [EVERYBODY[f"node-{NODE}"]], ids=["node"])
@pytest.mark.parametrize("verb", ["PURGE", "DELETE"])
async def test_the_answer_to_a_nodes_pull_empties_and_removes_no_stream(attacked: AttackedServers, role: Role, verb: str) -> None:
    for stream in STREAMS:
        for _ in range(3):
            await attacked.nc.publish(f"{API}.CONSUMER.MSG.NEXT.{WORK}.{NODE}", PULL, reply=f"{API}.STREAM.{verb}.{stream}")
    await settle(attacked.nc, attacked.admins)
    after = await stored(attacked.admins)
    assert after.first == attacked.before.first


@pytest.mark.parametrize("role", [EVERYBODY["viewer"]], ids=["viewer"])
async def test_a_viewer_sees_the_streams_of_both_accounts_and_what_happens(attacked: AttackedServers, role: Role) -> None:
    infos = [await api(attacked.nc, f"STREAM.INFO.{name}", prefix=api_of(name, VIEWERS)) for name in STREAMS for _ in range(3)]
    assert {info["config"]["name"] for info in infos} == set(STREAMS)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(msg: object) -> None:
        heard.put_nowait(msg.subject)  # type: ignore[attr-defined]

    for subject in role.subscribe:
        await attacked.nc.subscribe(subject, cb=hear)
    await attacked.nc.flush()
    for subject in (f"evt.{TENANT}.render.a.b.v1",):
        await attacked.admins[1].publish(subject, json.dumps({}).encode())
    assert await asyncio.wait_for(heard.get(), 10) == f"feed.evt.{TENANT}.render.a.b.v1"
