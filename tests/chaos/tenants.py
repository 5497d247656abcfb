"""Tenants of a run's own: content keys hold the tenant, so what one tenant rendered is drawn anew for the next."""

import asyncio
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import aiohttp
import msgspec

from adapters.nats import Connection, connect
from api_edge.signing import Signer, key_hash, key_hint, key_text
from contracts.envelope import derived_id, first
from contracts.identity import CreateApiKey, CreateTenant
from contracts.message import Command
from deploy.local.stack import Stack
from producers.publisher import Publisher, PublishFailed

SETTLED_WITHIN = 60.0  # seconds until a new tenant's key must work, whatever is killed meanwhile


class Tenant(msgspec.Struct, frozen=True):
    """A tenant and a key that may do everything within it."""

    id: UUID
    api_key: str


class Tenants:
    """Makes tenants by commands, as an operator would. Use as `async with`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._nc: Connection | None = None
        self.made: list[Tenant] = []

    async def __aenter__(self) -> Self:
        settings = self._stack.settings("edge")
        self._signer = Signer(settings.secret.get_secret_value())
        self._nc = await connect(settings, "chaos", within=10)
        self._publisher = Publisher(self._nc)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._nc is not None:
            await self._nc.close()

    async def new(self, name: str) -> Tenant:
        """A tenant whose key works. Raises TimeoutError when the product does not come that far."""
        tenant, command = uuid4(), uuid4()
        secret = self._signer.key_secret(command)
        key = CreateApiKey(name="chaos", scopes=("*",), secret_sha256=key_hash(secret), hint=key_hint(secret))
        made = Tenant(tenant, key_text(derived_id(command, "api key"), secret))
        async with asyncio.timeout(SETTLED_WITHIN):
            await self._publish(CreateTenant(name=name, requests_per_second=1000), tenant, uuid4())
            await self._publish(key, tenant, command)
            await self._until_known(made)
        self.made.append(made)
        return made

    async def _publish(self, command: Command, tenant: UUID, id: UUID) -> None:
        while True:
            try:
                await self._publisher.publish(command, first(command, tenant=tenant, id=id))
                return
            except PublishFailed:
                await asyncio.sleep(0.2)

    async def _until_known(self, tenant: Tenant) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {tenant.api_key}"}) as http:
            while True:
                try:
                    async with http.get(f"{self._stack.url}/v1/me", timeout=aiohttp.ClientTimeout(total=3)) as answer:
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # it may be killed just now
                await asyncio.sleep(0.1)
