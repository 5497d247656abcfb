"""The way in: pulls the node's work, acknowledges on receipt, hands each message to whom it concerns."""

import asyncio
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from adapters.nats import PullConsumer, StreamError, ack
from contracts import message
from contracts.catalogue import WORK
from contracts.envelope import Envelope
from contracts.node import OLDEST, PROTOCOL, CancelPart, DrawPart, RegisterAgain, ReportFailure, ReportRefused
from node_worker.failures import DETAIL
from node_worker.log import error, info, warning
from node_worker.node import Node

WINDOW = 64  # messages under way at most
WAIT = 10.0  # seconds
OLD_WORK_WAIT = 0.3  # seconds without a message after which no old work lies there
AGAIN_AFTER = 2.0  # seconds, when the consumer is missing
QUIET = 5.0  # seconds after a registration in which the farm's asking for one is an echo


class AnyPart(msgspec.Struct):
    """As much of a DrawPart as any protocol has."""

    part_id: UUID
    epoch: int = 0


async def pull(node: Node) -> None:
    """Throw old work away, register, then take work for ever."""
    consumer = PullConsumer(await node.link.connection(), WORK, str(node.id), window=WINDOW)
    fresh = False
    while True:
        try:
            messages = await consumer.next(WINDOW, WAIT if fresh else OLD_WORK_WAIT)
        except StreamError as problem:
            error("work cannot be pulled", detail=str(problem), again_in=AGAIN_AFTER)
            await asyncio.sleep(AGAIN_AFTER)
            continue
        for msg in messages:
            if fresh:
                await take(node, msg)
            await ack(msg)
        if not messages and not fresh:
            fresh = True
            await node.register()


async def take(node: Node, msg: Msg) -> None:
    """Do what one message asks; one that cannot be read is logged, and answered if it names a part."""
    try:
        envelope = Envelope.read(msg.headers or {})
        work = message.decode(envelope.type, msg.data)
    except (msgspec.MsgspecError, KeyError, ValueError) as problem:
        await _unreadable(node, msg, problem)
        return
    match work:
        case DrawPart() if not OLDEST <= work.protocol <= PROTOCOL:
            await _protocol(node, envelope, AnyPart(work.part_id, work.epoch), f"the work is of protocol {work.protocol}")
        case DrawPart() if node.accepting:
            node.runner.accept(work, envelope)
        case DrawPart():
            info("work not taken: the node is leaving", part=work.part_id)
        case CancelPart():
            node.runner.cancel(work.part_id, "cancelled by the farm")
        case ReportRefused():
            warning("the farm refused a report", report=work.report, type=work.report_type, code=work.code, detail=work.detail)
        case RegisterAgain():
            await _register_again(node, work, envelope)
        case _:
            warning("message is no work", type=envelope.type)


async def _register_again(node: Node, asked: RegisterAgain, envelope: Envelope) -> None:
    # A message may be delivered once more, long after it was obeyed, and must not cost the parts taken since.
    if not node.accepting or node.registered_for() < QUIET or envelope.id in node.asked_again:
        return
    node.asked_again.append(envelope.id)
    warning("the farm asks to register again", reason=asked.reason)
    await node.runner.drop_all("registering again")
    await node.register()


async def _unreadable(node: Node, msg: Msg, problem: Exception) -> None:
    """A newer farm's work may have a shape that this node does not know: tell it, so that it goes elsewhere at once."""
    warning("message cannot be read", subject=msg.subject, problem=repr(problem))
    try:
        part = msgspec.json.decode(msg.data, type=AnyPart)
        envelope = Envelope.read(msg.headers or {})
    except (msgspec.MsgspecError, KeyError, ValueError):
        return
    if envelope.type.startswith(message.type_of(DrawPart).full_name.rpartition(".")[0]):
        await _protocol(node, envelope, part, str(problem))


async def _protocol(node: Node, envelope: Envelope, part: AnyPart, why: str) -> None:
    detail = f"this node speaks protocol {PROTOCOL} and cannot do the work: {why}"[:DETAIL]
    report = ReportFailure(part_id=part.part_id, epoch=part.epoch, code="node.protocol", detail=detail)
    await node.reporter.about(envelope, report, part.part_id, str(part.epoch))
