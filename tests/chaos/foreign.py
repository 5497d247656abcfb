"""Foreign messages: what no part of the product has sent, in every stream: without headers, under ids of others, copies, nonsense."""

import random
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import asyncpg
from nats.errors import Error as NatsError

from adapters.nats import Connection, Frame, StreamError, connect, store
from adapters.settings import Settings
from contracts.catalogue import EVENTS, REPORTS, WORK, command_stream
from contracts.content.projects import CreateProject
from contracts.domains import DOMAINS
from contracts.envelope import first
from contracts.file_mgr.uploads import StartUpload, UploadStarted
from contracts.identity.api_keys import CreateApiKey
from contracts.message import Command, Event, Message, type_of
from contracts.node import CancelPart, ReportFailure
from contracts.notification.notifications import ReadNotification
from contracts.render.jobs import CancelJob
from contracts.studio.saved_projects import SaveProject
from deploy.local import servers as local
from deploy.local.stack import Stack
from tests.e2e.support_rogue import lines

MARK = "chaos foreign"  # stands in the body of each that is not a copy
LOG_ADMIN = getattr(local, "NATS_LOG_ADMIN", local.NATS_ADMIN)
OF_DOMAIN: dict[str, type[Command]] = {
    "identity": CreateApiKey,
    "content": CreateProject,
    "studio": SaveProject,
    "render": CancelJob,
    "file_mgr": StartUpload,
    "notification": ReadNotification,
}
SHAPES = ("bare", "forged id", "other tenant", "no id", "no type", "copy")


class Foreign:
    """Use as `async with`: publishes as the administrators of NATS, who may store everywhere."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self._stack, self._random = stack, chance
        self.stored: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._admin = await self._login(local.NATS_ADMIN)
        self._log = await self._login(LOG_ADMIN)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._admin.close()
        await self._log.close()

    async def scatter(self, conn: asyncpg.Connection, tenant: UUID) -> int:
        """One of each shape into each stream, under ids that are taken already; how many were stored.

        An id that waits to be decided is left alone: who may write into a domain's stream and knows such an id can take its place.
        """
        stored = 0
        for stream, cls, scope in self._places(tenant):
            nc = self._log if stream == EVENTS else self._admin
            ids = [row[0] for row in await conn.fetch(_taken(cls), *([] if stream == EVENTS else [tenant]))]
            for shape in SHAPES:
                frame = await self._frame(nc, stream, cls, scope, shape, self._random.choice(ids or [uuid4()]))
                if frame is not None and await self._stored(nc, frame):
                    self.stored[stream] += 1
                    stored += 1
        return stored

    def _places(self, tenant: UUID) -> Iterator[tuple[str, type[Message], UUID]]:
        for domain in DOMAINS:
            yield command_stream(domain), OF_DOMAIN[domain], tenant
        node = self._random.choice(self._stack.node_ids)
        yield REPORTS, ReportFailure, node
        yield WORK, CancelPart, node
        yield EVENTS, UploadStarted, tenant

    async def _frame(self, nc: Connection, stream: str, cls: type[Message], scope: UUID, shape: str, id: UUID) -> Frame | None:
        subject, body = type_of(cls).subject(scope), encode_mark()
        if shape == "bare":
            return Frame(subject, b"", body)
        if shape == "copy":
            return await self._copy(nc, stream)
        named = first(StartUpload(name=MARK, bytes=1), tenant=scope, actor="key:nobody", id=id).headers()
        changed = {
            "forged id": {"ce-type": type_of(cls).full_name},
            "other tenant": {"ce-type": type_of(cls).full_name, "ce-tenant": str(uuid4())},
            "no id": {"ce-type": type_of(cls).full_name, "ce-id": "nobody"},
            "no type": {"ce-type": "cmd.nobody.knows.this.v1"},
        }[shape]
        return Frame(subject, lines(named | changed), body)

    async def _copy(self, nc: Connection, stream: str) -> Frame | None:
        """One of the stream's own messages once more."""
        try:
            js = nc.jetstream(timeout=2)
            last = (await js.stream_info(stream)).state
            if not last.messages:
                return None
            msg = await js.get_msg(stream, self._random.randint(max(last.first_seq, last.last_seq - 20), last.last_seq))
        except (NatsError, TimeoutError):
            return None  # it is away just now, or the message is
        headers = {name: value for name, value in (msg.headers or {}).items() if not name.lower().startswith("nats-")}
        return Frame(str(msg.subject), lines(headers), msg.data or b"")

    async def _stored(self, nc: Connection, frame: Frame) -> bool:
        try:
            await store(nc, [frame], within=2.0)
        except StreamError:
            return False
        return True

    async def _login(self, name: str) -> Connection:
        servers = self._stack.servers
        login = Settings.model_validate(
            {"nats_url": servers.nats_url, "nats_user": name, "nats_password": servers.secrets.get(f"nats.{name}")}
        )
        return await connect(login, f"chaos {name}", within=10)


def _taken(cls: type[Message]) -> str:
    if issubclass(cls, Event):
        return "select event_id from log.events order by position desc limit 20"
    domain = next((name for name, command in OF_DOMAIN.items() if command is cls), "render")
    return f"select id from {domain}.inbox where tenant_id = $1 and state = 'done' order by decided_at desc limit 20"


def encode_mark() -> bytes:
    """A body that no type of ours has."""
    return b'{"%b":"%b"}' % (MARK.encode(), uuid4().hex.encode())
