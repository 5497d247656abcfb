"""The default tenant and the first API key, by commands like everything else; the key is drawn, kept, and the same at every start."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID, uuid4, uuid5

import msgspec

from adapters.nats import Connection, connect
from adapters.settings import Settings
from api_edge.auth.secret_texts import first_text, parted, secret_hash, secret_text
from api_edge.auth.secrets import API_KEY, drawn, text_of
from api_edge.auth.signing import Signer
from api_edge.handlers.outcomes import Outcomes
from api_edge.handlers.reader import Reader
from contracts.envelope import Envelope, derived_id, first
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.tenants import CreateTenant
from contracts.ids import hashed_id
from contracts.message import DEFAULT_TENANT, Command
from contracts.outcome import Outcome
from producers.publisher import Publisher, PublishFailed

ANSWER_WITHIN = 2.0  # seconds until a command is sent once more, under its own id
KEY, COMMAND = "first key", "first key's command"
"""Under which names the key's text, and the command that makes it, are kept."""
_TENANT_COMMAND = uuid5(DEFAULT_TENANT, "create the default tenant")
_KEY_COMMAND = uuid5(DEFAULT_TENANT, "create the first API key")  # in the releases before


class Keeps(Protocol):
    """Where secrets are kept, such as deploy.local.secret_store.SecretStore."""

    def get(self, name: str) -> str: ...
    def set(self, name: str, value: str) -> None: ...
    def __contains__(self, name: str) -> bool: ...


class Asker:
    """Has commands decided, each however often it must be sent; made by `asking`."""

    def __init__(self, nc: Connection, outcomes: Outcomes) -> None:
        self._publisher, self._outcomes = Publisher(nc), outcomes

    async def ask(self, command: Command, envelope: Envelope) -> Outcome:
        """The outcome; only cancellation ends the waiting."""
        while True:
            reply, future = self._outcomes.expect()
            try:
                await self._publisher.publish(command, msgspec.structs.replace(envelope, reply=reply))
                return await asyncio.wait_for(future, ANSWER_WITHIN)
            except TimeoutError:
                continue
            except PublishFailed:
                await asyncio.sleep(0.2)
            finally:
                self._outcomes.forget(reply)


@asynccontextmanager
async def asking(nc: Connection) -> AsyncIterator[Asker]:
    """An asker over a connection of the edge's role."""
    outcomes = Outcomes()
    await outcomes.listen(nc)
    yield Asker(nc, outcomes)


async def new_key(asker: Asker, signer: Signer, tenant: UUID, name: str) -> str:
    """The text of a new API key that may do everything within a tenant. Raises RuntimeError when it is refused."""
    return await _key_of(asker, signer, drawn(signer, API_KEY, CreateApiKey(name=name, scopes=("*",))), tenant, uuid4())


async def _key_of(asker: Asker, signer: Signer, command: Command, tenant: UUID, id: UUID) -> str:
    outcome = await asker.ask(command, first(command, tenant=tenant, id=id))
    if outcome.state != "done":
        raise RuntimeError(f"no API key for tenant {tenant}: {outcome.problem}")
    return text_of(signer, API_KEY, outcome.command_id, msgspec.json.decode(outcome.body))


async def ensure_first_key(settings: Settings, kept: Keeps) -> str:
    """The first API key, which works: the one that is kept, or that of a release before, or a new one once identity has decided."""
    signer, working = Signer.of(settings), await _working(settings)
    text = next((text for text in _known(signer, kept, working) if _works(text, working)), "")
    text = text or await _made(settings, signer, kept)
    if KEY not in kept or kept.get(KEY) != text:
        kept.set(KEY, text)
    return text


async def _working(settings: Settings) -> dict[UUID, str]:
    """The first tenant's working keys, by the hash of their secret."""
    reader = await Reader.connect(settings.pg_dsn, settings.pg_password.get_secret_value())
    try:
        keys, _, _ = await reader.keys()
    finally:
        await reader.close()
    return {key["key_id"]: key["secret_sha256"] for key in keys if key["tenant_id"] == DEFAULT_TENANT and key["state"] == "active"}


def _works(text: str, working: dict[UUID, str]) -> bool:
    given = parted(API_KEY.mark, text)
    return given is not None and working.get(UUID(given[0])) == secret_hash(given[1])


def _known(signer: Signer, kept: Keeps, working: dict[UUID, str]) -> Iterator[str]:
    """What the first key may be: as it was kept, as the releases before derived it, as a start made it that ended before it kept it."""
    if KEY in kept:
        yield kept.get(KEY)
    if secret := signer.first_format(API_KEY.use, _KEY_COMMAND):
        yield first_text(API_KEY.mark, derived_id(_KEY_COMMAND, "api key"), secret)
    if COMMAND in kept:
        begun = _begun(kept)
        secret = signer.secret_of(API_KEY.use, begun.salt)
        yield from (secret_text(API_KEY.mark, id, secret) for id, hash in working.items() if secret and hash == begun.secret_sha256)


def _begun(kept: Keeps) -> CreateApiKey:
    return msgspec.json.decode(kept.get(COMMAND), type=CreateApiKey)


async def _made(settings: Settings, signer: Signer, kept: Keeps) -> str:
    """A new key. Its command is kept before it is sent: a start that ends in between leaves no second key behind."""
    if COMMAND not in kept or KEY in kept:  # the one that is kept works no longer: it was revoked
        kept.set(COMMAND, msgspec.json.encode(drawn(signer, API_KEY, CreateApiKey(name="first key", scopes=("*",)))).decode())
    command = _begun(kept)
    nc = await connect(settings, "flatrender bootstrap", within=10)
    try:
        async with asking(nc) as asker:
            tenant = CreateTenant(name="Default", requests_per_second=1000)
            await asker.ask(tenant, first(tenant, tenant=DEFAULT_TENANT, id=_TENANT_COMMAND))
            return await _key_of(asker, signer, command, DEFAULT_TENANT, hashed_id("first API key", str(DEFAULT_TENANT), command.salt))
    finally:
        await nc.close()
