"""starting: lock the folder, clean up, warm the engines, reach the broker, register."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from contracts.envelope import derived_id
from contracts.node import ReportCrash
from node_worker.engines.host import EngineCrashed
from node_worker.failures import DETAIL
from node_worker.folder import Running
from node_worker.heartbeat import beat
from node_worker.log import error, keep_in, redact
from node_worker.node import Node
from node_worker.pull import pull
from node_worker.states import State, due

BROKER_WITHIN = 3.0  # seconds that starting waits for a registration before the node counts as offline
RESTART_AFTER = 1.0  # seconds
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)  # a clock without its battery begins decades earlier


async def starting(node: Node) -> State:
    """Become able to work. Raises FolderInUse, OSError (a folder that cannot be written)."""
    first = not node.tasks
    if first:
        await _open(node)
    node.problem = _clock() or _disk(node) or await _engines(node)
    if node.stop != "no":
        return State.STOPPED
    if node.problem:
        return State.FAULTY
    node.accepting, node.faults = True, 0
    if first or not node.pulling:
        node.pulling = True
        keep(node, pull)
        keep(node, beat)
    else:
        keep(node, Node.register, once=True)
    await _registered(node)
    return due(node)


def keep(node: Node, work: Callable[[Node], Awaitable[None]], *, once: bool = False) -> None:
    """Run `work` beside the states; should a mistake end it, it is logged and begun again."""

    async def forever() -> None:
        while True:
            try:
                await work(node)
            except Exception as problem:
                error("background work stopped", problem, work=work.__name__)
            else:
                if once:
                    return
            await asyncio.sleep(RESTART_AFTER)

    node.tasks.append(asyncio.create_task(forever(), name=work.__name__))


async def _open(node: Node) -> None:
    node.folder.open()
    last_words = node.folder.last_words()
    keep_in(node.folder.log)
    node.cache.load()
    node.reporter.load()
    if (dead := node.folder.dead) is not None:
        await node.reporter.say(death(dead, last_words), derived_id(dead.id, "death"))
    keep(node, _link, once=True)
    keep(node, _deliver)


def death(dead: Running, last_words: str) -> ReportCrash:
    """The daemon before this one, as a crash: which parts it held, and the last it said."""
    held = ", ".join(map(str, dead.parts)) or "no part"
    since = f"{dead.since:%Y-%m-%d %H:%M:%S} UTC"
    detail = f"the daemon that ran since {since} (pid {dead.pid}) did not stop in an orderly way; it held {held}"[:DETAIL]
    error("the daemon before this one died", detail=detail)
    return ReportCrash(kind="daemon_death", detail=detail, log_tail=redact(f"{detail}\n{last_words}"))


async def _link(node: Node) -> None:
    async def changed() -> None:
        node.changed()
        await node.reporter.repeat()

    await node.link.run(changed, node.ask_standing)


async def _deliver(node: Node) -> None:
    await node.reporter.run()


def _clock() -> str:
    """What is wrong with the clock, or nothing; finer faults show by the store's answers."""
    now = datetime.now(UTC)
    return f"the clock says {now:%Y-%m-%d}; set it, or every address is expired" if now < NOT_BEFORE else ""


def _disk(node: Node) -> str:
    """What is wrong with the disk, or nothing."""
    least = node.tuning.least_free
    if node.folder.free() < least:
        node.cache.shrink()
    free = node.folder.free()
    return f"only {free >> 20} MB of disk are free under {node.folder.root}, {least >> 20} MB are needed" if free < least else ""


async def _engines(node: Node) -> str:
    """Start the engines, unless told to stop meanwhile; what went wrong, or nothing."""
    starting = asyncio.create_task(node.slots.start())
    try:
        while not starting.done() and node.stop == "no":
            await asyncio.wait({starting, change := asyncio.create_task(node.next_change())}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
        if starting.done():
            node.ready = starting.result()
    except EngineCrashed as crash:
        node.crash = crash
        return f"the engine does not start: {crash} {crash.log_tail[-500:]}"
    finally:
        starting.cancel()
    return ""


async def _registered(node: Node) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + BROKER_WITHIN
    while not node.online and node.stop == "no" and (left := until - loop.time()) > 0:
        await node.next_change(left)
