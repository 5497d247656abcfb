"""Quarantine: what cannot be handled waits with its reason, and is carried out once its cause is gone and a person drives it again."""

from uuid import UUID, uuid4

import pytest

from consumers.runtime.item import Item
from consumers.runtime.quarantine import NotRedriven, listing, redrive
from contracts.envelope import Envelope
from contracts.identity.tenants import CreateTenant
from contracts.message import PLATFORM, Command, Event
from contracts.node import LeaveNode
from tests.support.in_process import InProcessDomains, item_of


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[tuple[Command, Envelope, object]] = []

    async def publish(self, message: Command, envelope: Envelope, *, scope: UUID | str | None = None) -> int:
        self.published.append((message, envelope, scope))
        return len(self.published)


async def none(position: int) -> tuple[Envelope, Event]:
    """No reaction failed."""
    raise AssertionError(position)


async def quarantined(in_process: InProcessDomains, domain: str, item: Item) -> Item:
    """Decide it as something unreadable."""
    item.command, item.unreadable = None, "body: broken by a test"
    outcome = (await in_process.decide(domain, [item]))[0]
    assert outcome and outcome.state == "quarantined"
    return item


async def test_a_quarantined_command_is_listed_with_its_reason(in_process: InProcessDomains) -> None:
    item = await quarantined(in_process, "identity", item_of(CreateTenant(name="waits"), uuid4()))
    waiting = {entry.id: entry for entry in await listing(in_process.stores["identity"].conn, "identity")}
    assert waiting[item.envelope.id].reason == "body: broken by a test"
    assert waiting[item.envelope.id].tenant_id == item.envelope.tenant


async def test_a_redriven_command_is_published_under_its_own_id_and_decided(in_process: InProcessDomains) -> None:
    item = await quarantined(in_process, "identity", item_of(CreateTenant(name="second try"), uuid4(), reply="out.edge.1"))
    broker, conn = Broker(), in_process.stores["identity"].conn
    await redrive(conn, in_process.domains["identity"], broker.publish, item.envelope.tenant, item.envelope.id, none)
    command, envelope, scope = broker.published[0]
    assert (command, envelope.id, envelope.reply, scope) == (CreateTenant(name="second try"), item.envelope.id, "", item.envelope.tenant)
    outcome = (await in_process.decide("identity", [Item(envelope=envelope, command=command)]))[0]
    assert outcome and outcome.state == "done"
    assert item.envelope.id not in {entry.id for entry in await listing(conn, "identity")}
    name = await in_process.admin.fetchval("select name from identity.tenants where tenant_id = $1", item.envelope.tenant)
    assert name == "second try"
    with pytest.raises(NotRedriven, match="no command"):
        await redrive(conn, in_process.domains["identity"], broker.publish, item.envelope.tenant, item.envelope.id, none)


async def test_a_report_is_redriven_as_its_nodes(in_process: InProcessDomains) -> None:
    node = uuid4()
    item = await quarantined(in_process, "render", item_of(LeaveNode(), PLATFORM, actor=f"node:{node}"))
    broker = Broker()
    await redrive(in_process.stores["render"].conn, in_process.domains["render"], broker.publish, PLATFORM, item.envelope.id, none)
    assert broker.published[0][2] == str(node)


async def test_a_publish_that_fails_can_be_tried_again(in_process: InProcessDomains) -> None:
    item = await quarantined(in_process, "identity", item_of(CreateTenant(name="again"), uuid4()))
    conn = in_process.stores["identity"].conn

    async def away(message: Command, envelope: Envelope, *, scope: UUID | str | None = None) -> int:
        raise ConnectionError("the broker is away")

    with pytest.raises(ConnectionError):
        await redrive(conn, in_process.domains["identity"], away, item.envelope.tenant, item.envelope.id, none)
    assert {entry.id: entry.state for entry in await listing(conn, "identity")}[item.envelope.id] == "reopened"
    broker = Broker()
    await redrive(conn, in_process.domains["identity"], broker.publish, item.envelope.tenant, item.envelope.id, none)
    assert len(broker.published) == 1


async def test_a_body_that_cannot_be_read_stays_in_quarantine(in_process: InProcessDomains) -> None:
    item = item_of(CreateTenant(name="x"), uuid4())
    item.body = b'{"name": 5}'
    await quarantined(in_process, "identity", item)
    with pytest.raises(NotRedriven, match="cannot read"):
        await redrive(
            in_process.stores["identity"].conn,
            in_process.domains["identity"],
            Broker().publish,
            item.envelope.tenant,
            item.envelope.id,
            none,
        )
    assert {e.id: e.state for e in await listing(in_process.stores["identity"].conn, "identity")}[item.envelope.id] == "quarantined"
