"""What an attacker with a role's password can try at the broker, and how one sees afterwards what came of it."""

import asyncio
import json
from typing import Any, NamedTuple
from uuid import UUID

from nats.aio.msg import Msg

from adapters.nats import Connection, StreamError, api
from contracts import catalogue
from contracts.catalogue import API, EVENTS, LOG_API, REPORTS, SERVICES_API, WORK, Role, node_role, roles
from contracts.domains import DOMAINS
from contracts.message import PLATFORM
from tests.stream.support import NODE, OTHER_NODE, Login
from tests.support.subjects import takes

TENANT = UUID("aaaaaaaa-0000-4000-8000-00000000000a")
EVERYBODY = {role.name: role for role in [*roles(), node_role(NODE), node_role(OTHER_NODE)]}
STREAMS = [stream["name"] for stream in catalogue.streams()]
PULL = json.dumps({"batch": 3, "no_wait": True}).encode()
WAITING_PULL = json.dumps({"batch": 3, "expires": 40_000_000, "idle_heartbeat": 10_000_000}).encode()
HEADERS = [
    {"Nats-Msg-Id": "taken"},
    {"Nats-Expected-Stream": "CMD_RENDER"},
    {"Nats-Expected-Last-Sequence": "0"},
    {"Nats-Expected-Last-Subject-Sequence": "0", "Nats-Expected-Last-Subject-Sequence-Subject": ">"},
    {"Nats-Rollup": "all"},
    {"Nats-Rollup": "sub"},
    {"Nats-TTL": "1s"},
    {"Nats-Incr": "1"},
    {"Nats-Batch-Id": "walls", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
    {"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": f"evt.{TENANT}.render.walls.scheduled.v1"},
    {"Nats-Request-Info": '{"acc": "LOG", "svc": "LOG"}'},
]


class Stored(NamedTuple):
    """All that streams hold; `subjects` are those of the messages after the first look."""

    configs: dict[str, Any]
    first: dict[str, int]
    consumers: dict[str, tuple[int, int, int]]  # delivered, acknowledged without a gap, pending
    last: dict[str, int]


def may(patterns: tuple[str, ...], subject: str) -> bool:
    """Whether one of the patterns of NATS takes this subject."""
    return any(takes(pattern, subject) for pattern in patterns)


def messages(who: str) -> list[str]:
    """Subjects of messages, of every kind that somebody takes; `who` makes them its own."""
    return [
        *(f"cmd.{TENANT}.{domain}.walls.{who}.v1" for domain in DOMAINS),
        f"evt.{TENANT}.render.walls.{who}.v1",
        f"report.{NODE}.walls.{who}.v1",
        f"report.{OTHER_NODE}.walls.{who}.v1",
        f"work.{NODE}.walls.{who}.v1",
        f"work.{OTHER_NODE}.walls.{who}.v1",
        f"tick.{OTHER_NODE}.node.walls.{who}.v1",
        f"tick.{TENANT}.render.job.progressed.v1",
        f"out.{who}.1",
        catalogue.outbox_hint_subject(),
        f"feed.evt.{TENANT}.render.walls.{who}.v1",
        catalogue.revocations_subject(),
        catalogue.AUTH,
        f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{WORK}.{OTHER_NODE}",
        "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.CMD_RENDER.render",
        f"$SYS.REQ.ACCOUNT.{catalogue.SERVICES}.CONNZ",
        "$SYS.REQ.SERVER.PING.KICK",
        *(f"_INBOX_{role}.{who}.1" for role in EVERYBODY if role != who),
    ]


def requests() -> list[tuple[str, bytes]]:
    """JetStream's API as far as it shows or changes something, with bodies that it would take."""
    push = {"name": "walls", "deliver_subject": "_INBOX_walls.x", "ack_policy": "none", "headers_only": True}
    found: list[tuple[str, Any]] = [("ACCOUNT.PURGE.LOG", None), ("META.LEADER.STEPDOWN", None)]
    for stream in STREAMS:
        consumer = {"stream_name": stream, "config": push, "action": "create"}
        found += [
            (f"STREAM.DELETE.{stream}", None),
            (f"STREAM.PURGE.{stream}", None),
            (f"STREAM.UPDATE.{stream}", {"name": stream, "subjects": ["walls.>"], "storage": "file"}),
            (f"STREAM.MSG.DELETE.{stream}", {"seq": 1}),
            (f"STREAM.MSG.GET.{stream}", {"seq": 1}),
            (f"DIRECT.GET.{stream}", {"seq": 1}),
            (f"STREAM.SNAPSHOT.{stream}", {"deliver_subject": "_INBOX_walls.x"}),
            (f"CONSUMER.CREATE.{stream}.walls", consumer),
            (f"CONSUMER.CREATE.{stream}", consumer),
            (f"CONSUMER.DURABLE.CREATE.{stream}.walls", consumer),
        ]
    for stream, durable in [*((stream, config["durable_name"]) for stream, config in catalogue.consumers()), (WORK, str(OTHER_NODE))]:
        found += [
            (f"CONSUMER.DELETE.{stream}.{durable}", None),
            (f"CONSUMER.PAUSE.{stream}.{durable}", {"pause_until": "2099-01-01T00:00:00Z"}),
            (f"CONSUMER.RESET.{stream}.{durable}", {"seq": 1}),
            (f"CONSUMER.MSG.NEXT.{stream}.{durable}", {"batch": 1, "no_wait": True}),
        ]
    return [
        (f"{prefix}.{request}", json.dumps(body).encode() if body else b"")
        for request, body in found
        for prefix in (API, SERVICES_API, LOG_API)
    ]  # fmt: skip


def asked_by(role: Role) -> list[tuple[str, bytes]]:
    """Something that is answered, for each thing that a role may publish to."""
    found: list[tuple[str, bytes]] = []
    for pattern in role.publish:
        subject = pattern.replace("*", str(TENANT)).replace(">", f"walls.{role.name}.v1")
        if ".MSG.NEXT." in pattern:
            subject = pattern.replace(">", f"walls-{role.name}")
            found += [(subject, PULL), (subject, WAITING_PULL)]
        elif ".CONSUMER.CREATE.EVENTS." in pattern:
            config = {"name": f"walls-{role.name}", "deliver_policy": "all", "ack_policy": "none", "mem_storage": True}
            subject = pattern.replace(">", f"walls-{role.name}")
            found.append((subject, json.dumps({"stream_name": EVENTS, "config": config, "action": "create"}).encode()))
        elif pattern.startswith("$JS.ACK."):
            subject = pattern.replace(">", "1.1.1.1700000000000000000.0")
            found += [(subject, b"+NXT"), (subject, b"")]
        elif "DELETE" not in pattern and "PURGE" not in pattern:
            found.append((subject, b"{}" if ".API." not in pattern.upper() else b""))
    return found


class Ears:
    """Everybody's subscriptions, all that each may have, and what came of them; the attacker's own do not count."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []  # who, by which subscription, subject

    async def open(self, login: Login) -> None:
        """Log in as everybody and listen."""
        for role in EVERYBODY.values():
            nc = await login(role.name)
            for subject in role.subscribe:
                # An inbox as clients have it: below the prefix follows what nobody can guess.
                place = f"{nc.new_inbox()}.*" if subject.startswith("_INBOX") else subject
                await nc.subscribe(place, cb=self._hear(role.name, place))
            await nc.flush()

    def _hear(self, who: str, place: str) -> Any:
        async def hear(msg: Msg) -> None:
            self.heard.append((who, place, msg.subject))

        return hear

    def others(self, attacker: str) -> list[tuple[str, str, str]]:
        """What came to others since the last question."""
        found, self.heard = self.heard, []
        return [one for one in found if one[0] != attacker]


async def stored(admins: tuple[Connection, Connection]) -> Stored:
    """What is there now."""
    found = Stored({}, {}, {}, {})
    for nc in admins:
        for info in (await api(nc, "STREAM.LIST"))["streams"] or []:
            name = info["config"]["name"]
            found.configs[name] = info["config"]
            found.first[name], found.last[name] = info["state"]["first_seq"], info["state"]["last_seq"]
            for one in (await api(nc, f"CONSUMER.LIST.{name}"))["consumers"] or []:
                place = one["delivered"]["consumer_seq"], one["ack_floor"]["consumer_seq"], one["num_ack_pending"]
                found.consumers[f"{name}/{one['name']}"] = place
    return found


async def since(admins: tuple[Connection, Connection], before: Stored) -> list[tuple[str, str]]:
    """Stream and subject of every message that was stored after `before`."""
    found: list[tuple[str, str]] = []
    for nc in admins:
        for name in (await api(nc, "STREAM.NAMES"))["streams"] or []:
            last = (await api(nc, f"STREAM.INFO.{name}"))["state"]["last_seq"]
            for sequence in range(before.last.get(name, 0) + 1, last + 1):
                try:
                    message = (await api(nc, f"STREAM.MSG.GET.{name}", {"seq": sequence}))["message"]
                except StreamError:  # it is gone again
                    found.append((name, "?"))
                else:
                    found.append((name, message["subject"]))
    return found


async def settle(nc: Connection, admins: tuple[Connection, Connection]) -> None:
    """Until the server has taken what this connection sent, and has answered what that asked for: pulls that wait end meanwhile."""
    await nc.flush()
    for _ in range(3):
        await asyncio.sleep(0.05)
        for admin in admins:
            await api(admin, "STREAM.NAMES")
            await admin.flush()


async def seed(login: Login, admins: tuple[Connection, Connection]) -> list[str]:
    """Something in every stream, and a message of others under way; returns the subjects by which those would be acknowledged."""
    admin, log = admins
    for node in (NODE, OTHER_NODE):
        stream, config = catalogue.node_consumer(node)
        await api(
            admin,
            f"CONSUMER.CREATE.{stream}.{node}",
            {"stream_name": stream, "config": config | {"ack_wait": 3600 * 10**9}, "action": "create"},
        )
        for number in range(5):
            await admin.publish(f"work.{node}.part.draw.v1", b"%d" % number)
    for domain in DOMAINS:
        await admin.publish(f"cmd.{TENANT}.{domain}.a.b.v1", b"{}")
    await admin.publish(f"report.{OTHER_NODE}.a.b.v1", b"{}")
    for number in range(3):
        await log.publish(f"evt.{PLATFORM}.render.a.b{number}.v1", b"{}")
    await admin.flush()
    await log.flush()
    under_way = []
    for stream, durable in ((WORK, str(OTHER_NODE)), ("CMD_RENDER", "render"), (REPORTS, "render")):
        inbox = admin.new_inbox()
        answers = await admin.subscribe(inbox)
        await admin.publish(f"{API}.CONSUMER.MSG.NEXT.{stream}.{durable}", b"1", reply=inbox)
        under_way.append((await answers.next_msg(10)).reply)
    return under_way
