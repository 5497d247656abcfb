"""A history to measure with: outboxes full of events that the real deciders made."""

from uuid import uuid4

from benchmarks.ground import Ground
from consumers.runtime.batch import Batch
from consumers.runtime.item import Item
from consumers.runtime.store import Store
from contracts.envelope import first
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.tenants import CreateTenant
from contracts.message import Command
from deploy.domains import domain_named

DOMAIN = "identity"


async def fill(ground: Ground, events: int) -> None:
    """Put this many events into identity's outbox (a tenant and its keys), with the rows that they write."""
    conn = await ground.postgres(f"{DOMAIN}_app")
    store, domain, tenant = Store(conn, DOMAIN), domain_named(DOMAIN), uuid4()
    left = events
    while left:
        count = min(500, left)
        commands: list[Command] = [
            CreateApiKey(name="a key", scopes=("*",), secret_sha256=uuid4().hex * 2, hint="0000") for _ in range(count)
        ]
        if left == events:
            commands[0] = CreateTenant(name="Bench")
        items = [Item(envelope=first(command, tenant=tenant, actor="key:bench"), command=command) for command in commands]
        await Batch(domain, store, items).commit()
        left -= count
    await conn.close()
