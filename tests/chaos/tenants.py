"""Tenants of a run's own: content keys hold the tenant, so what one tenant rendered is drawn anew for the next."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import aiohttp
import msgspec

from adapters.nats import Connection, connect
from api_edge.auth.signing import Signer
from contracts.envelope import first
from contracts.identity.tenants import CreateTenant
from deploy.bootstrap import asking, new_key
from deploy.local.stack import Stack

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
        self._open = AsyncExitStack()
        self.made: list[Tenant] = []

    async def __aenter__(self) -> Self:
        settings = self._stack.settings("edge")
        self._signer = Signer.of(settings)
        self._nc = await connect(settings, "chaos", within=10)
        self._asker = await self._open.enter_async_context(asking(self._nc))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._open.aclose()
        if self._nc is not None:
            await self._nc.close()

    async def new(self, name: str) -> Tenant:
        """A tenant whose key works. Raises TimeoutError when the product does not come that far."""
        tenant, created = uuid4(), CreateTenant(name=name, requests_per_second=1000)
        async with asyncio.timeout(SETTLED_WITHIN):
            await self._asker.ask(created, first(created, tenant=tenant))
            made = Tenant(tenant, await new_key(self._asker, self._signer, tenant, "chaos"))
            await self._until_known(made)
        self.made.append(made)
        return made

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
