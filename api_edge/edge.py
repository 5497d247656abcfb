"""What every handler is given: the edge with its connections, and the call that is being answered."""

import asyncio
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import msgspec
from aiohttp import web

from adapters.metrics import Registry
from api_edge.auth.credentials import CredentialStore
from api_edge.auth.grants import Scope
from api_edge.auth.keys import KeyRing
from api_edge.auth.principals import KeyPrincipal, Principal
from api_edge.auth.signing import Signer
from api_edge.capacity.limits import Limits
from api_edge.capacity.queues import Queues
from api_edge.capacity.stalled_domains import StalledDomains
from api_edge.errors import Refused, unavailable
from api_edge.handlers.object_checks import ObjectChecks, ReadsObjects
from api_edge.handlers.outcomes import Outcomes
from api_edge.handlers.reader import Reader
from api_edge.http.connections import Connections
from api_edge.stream.feed import Feed
from api_edge.stream.streams import Streams
from contracts.envelope import Envelope
from contracts.message import Command


class Publishes(Protocol):
    """What the edge needs of producers.publisher."""

    async def publish(self, message: Command, envelope: Envelope) -> int:
        """Return once the message is stored; raise PublishFailed."""

    async def publish_encoded(self, kind: type[Command], body: bytes, envelope: Envelope) -> int:
        """The same for a body that is encoded already and known to be one of this kind."""


class Store(ReadsObjects, Protocol):
    """What the edge needs of adapters.object_store: addresses, looks at finished objects, and pieces of the log's archives."""

    async def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Some bytes of an object."""

    async def parts(self, key: str, storage_id: str) -> dict[int, str]:
        """The ETags of a multipart upload's parts that are there, by their numbers."""

    def presign_get(self, key: str, seconds: int, download_name: str | None = None) -> str:
        """The address of an object."""

    def presign_part(self, key: str, storage_id: str, number: int, seconds: int, length: int, sha256: str = "") -> str:
        """The address that one part of a multipart upload is sent to: so many bytes, of this hash where it is known."""


class Edge:
    """The parts of the edge. `start` in api_edge.main fills in what needs a connection; until then requests get 503."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.metrics = Registry()
        self.limits = Limits()
        self.object_checks = ObjectChecks()
        self.connections = Connections()
        self.streams = Streams()
        self.keys = KeyRing(on_revoked=lambda key: self.streams.end_of(key, "the API key was revoked"))
        self.stores: list[CredentialStore] = []  # of what proves who asks, beside the API keys
        self.scopes: Mapping[str, Scope] = {}  # all that its routes ask for, by name
        self.outcomes = Outcomes()
        self.waiting = StalledDomains()
        self.queues = Queues()
        self.publisher: Publishes | None = None
        self.reader: Reader | None = None
        self.feed: Feed | None = None
        self.store: Store | None = None
        self.old_keys_days = 365  # until an API key of the first format is to be replaced
        self.nats_url = ""  # where nodes reach the broker
        self.tasks: list[asyncio.Task[None]] = []  # what makes the connections; fails when they can never be made
        self.lacks: dict[str, str] = {"start": "the connections are being made"}  # what is not ready, and why

    async def require_live(self) -> None:
        """Raises Refused (503) unless the keys are loaded and the feed, which tells of revocations, lives."""
        if self.lacks:
            raise unavailable(next(iter(self.lacks)))
        if self.feed is None or not (self.feed.alive or await self.feed.prove()):
            raise unavailable("feed")

    def stands(self, who: Principal) -> bool:
        """Whether what somebody came in by has not ended since."""
        return who.credential in self.keys if isinstance(who, KeyPrincipal) else all(store.stands(who) for store in self.stores)


class Call(msgspec.Struct):
    """One request on its way; `started` is perf_counter's. `request_id` is the caller's own (`named`), else `id`."""

    request: web.Request
    id: UUID
    request_id: str
    started: float
    route: str
    named: bool
    principal: Principal | None = None

    @property
    def who(self) -> Principal:
        """The principal, once it is known."""
        assert self.principal is not None
        return self.principal

    def path_uuid(self, name: str) -> UUID | None:
        """A path's name as UUID; None when it is none, so that nothing can have it as its id."""
        text = self.request.match_info[name]
        try:
            return UUID(text)
        except ValueError:
            return None

    def query(self, name: str) -> str | None:
        """A parameter of the address."""
        return self.request.query.get(name)

    def only(self, known: tuple[str, ...]) -> None:
        """Raises Refused for a parameter that is not known here: a misspelt one must not silently do nothing."""
        if self.request.query_string:
            for name in self.request.query:
                if name not in known:
                    detail = f"{name[:80]} is not a parameter here; known: {', '.join(known) or 'none'}."
                    raise Refused("request.parameter", detail, name[:80])
