"""The node as a process of its own: signals, sudden death, a full disk, a broken engine, what it imports."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys

import psutil
import pytest
import pytest_asyncio

from contracts.node import LeaveNode, RegisterNode, ReportCrash, ReportFailure, ReportSegment
from tests.unit.node.farm_servers import ENGINE, FarmServers
from tests.unit.node.store import SECRET
from tests.unit.node.striped import BROKEN

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]
PROGRAM = f"""
import asyncio, os
from adapters.settings import Settings
from node_worker.daemon import run
from node_worker.node import Tuning
broken = os.environ.get({BROKEN!r})
seen = dict(engine_environment={{{BROKEN!r}: broken}}, engine_reads=(os.path.dirname(broken),)) if broken else {{}}
asyncio.run(run(Settings(), Tuning(engine={ENGINE!r}, drain_seconds=20, **seen)))
"""


@pytest_asyncio.fixture
async def farm(tmp_path):
    one = FarmServers(tmp_path)
    await one.start()
    yield one
    await one.stop()


class Daemon:
    """A node process with its log."""

    def __init__(self, farm, arguments=("-c", PROGRAM), **environment):
        settings = farm.settings()
        values = {name: str(getattr(settings, name)) for name in ("nats_url", "nats_user", "node_id", "node_name", "data")}
        values["nats_password"] = settings.nats_password.get_secret_value()
        self.log = farm.folder / "daemon.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": os.getcwd(),
                    **{f"FLATRENDER_{name.upper()}": value for name, value in values.items()},
                    **environment,
                },
            )

    def signal(self, number):
        self.process.send_signal(number)

    async def ended(self):
        return await asyncio.to_thread(self.process.wait, 40)

    def engines(self):
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextlib.contextmanager
def daemon(farm, **options):
    one = Daemon(farm, **options)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


async def until_gone(pids):
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        await asyncio.sleep(0.02)


async def test_sigterm_finishes_the_part_and_then_leaves(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        await farm.send(farm.drawing("slow", frames=40))
        await farm.until(ReportSegment)
        engines = node.engines()
        node.signal(signal.SIGTERM)
        assert await node.ended() == 0
        await until_gone(engines)
    await farm.until(LeaveNode)
    assert [type(report) for _, report in farm.reports] == [RegisterNode, *[ReportSegment] * 4, LeaveNode]


async def test_a_second_sigterm_leaves_at_once(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        await farm.send(farm.drawing("slow", frames=400))
        await farm.until(ReportSegment)
        engines = node.engines()
        node.signal(signal.SIGTERM)
        while not any(line["event"] == "state" and line["now"] == "draining" for line in node.lines()):
            await asyncio.sleep(0.02)  # two signals at once may arrive as one
        node.signal(signal.SIGTERM)
        assert await node.ended() == 0
        await until_gone(engines)
    await farm.until(LeaveNode)
    assert len(farm.of(ReportSegment)) < 40


async def test_engines_die_with_a_killed_daemon_and_its_reports_are_delivered_by_the_next(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        work = farm.drawing("slow", frames=100)
        await farm.send(work)
        await farm.until(ReportSegment)
        await farm.stop_broker()
        spool = farm.folder / "node" / "spool"
        while len(list(spool.glob("*.json"))) < 2:
            await asyncio.sleep(0.02)
        engines = node.engines()
        node.signal(signal.SIGKILL)
        await node.ended()
        await until_gone(engines)
    left = len(list(spool.glob("*.json")))
    await farm.start_broker()
    with daemon(farm) as node:
        await farm.until(RegisterNode, 2)
        last = farm.drawing("good", frames=10)
        await farm.send(last)
        while not any(report.part_id == last.part_id for report in farm.of(ReportSegment)):
            await asyncio.sleep(0.01)
    kinds = [type(report) for _, report in farm.reports]
    assert kinds[-3 - left :] == [*[ReportSegment] * left, ReportCrash, RegisterNode, ReportSegment]
    assert list((farm.folder / "node" / "work").glob(f"parts/{work.part_id}*")) == []


async def test_a_daemon_that_died_is_told_by_the_next_with_its_parts_and_its_last_words(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        work = farm.drawing("slow", frames=400)
        await farm.send(work)
        await farm.until(ReportSegment)
        node.signal(signal.SIGKILL)
        await node.ended()
    for stop in (signal.SIGTERM, signal.SIGINT):
        with daemon(farm) as after:
            await farm.until(RegisterNode, len(farm.of(RegisterNode)) + 1)
            after.signal(stop)
            assert await after.ended() == 0
    await farm.until(LeaveNode, 2)
    (death,) = farm.of(ReportCrash)
    assert (death.kind, death.part_id) == ("daemon_death", None)
    assert f"pid {node.process.pid}" in death.detail and str(work.part_id) in death.detail
    assert death.log_tail.startswith(death.detail) and '"part taken"' in death.log_tail
    kinds = [type(report) for _, report in farm.reports if not isinstance(report, ReportSegment)]
    assert kinds == [RegisterNode, ReportCrash, RegisterNode, LeaveNode, RegisterNode, LeaveNode]


async def test_a_second_daemon_in_the_same_folder_says_so(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        with daemon(farm, arguments=("-m", "node_worker")) as second:
            assert await second.ended() == 2
    assert "another node works in" in node.log.read_text()


async def test_a_node_without_an_id_says_what_to_set(farm):
    with daemon(farm, arguments=("-m", "node_worker"), FLATRENDER_NODE_ID="north") as node:
        assert await node.ended() == 2
    assert "FLATRENDER_NODE_ID must be the UUID" in node.log.read_text()


async def test_a_full_disk_fails_the_part_and_not_the_node(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        work = farm.drawing("good", frames=10)
        sha256, url = farm.store.add(os.urandom(2 << 20))
        work.manifest.files[sha256] = url
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(ReportSegment)
    assert (failure.code, failure.crash) == ("node.out_of_disk", "out_of_disk")


async def test_a_node_whose_engine_does_not_start_leaves_and_comes_back(farm):
    broken = farm.folder / "switch" / "broken"
    broken.parent.mkdir(mode=0o755)
    with daemon(farm, **{BROKEN: str(broken)}) as node:
        await farm.until(RegisterNode)
        broken.touch()
        for pid in node.engines():
            with contextlib.suppress(ProcessLookupError):  # it may go with the one before
                os.kill(pid, signal.SIGKILL)
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(LeaveNode)
        broken.unlink()
        await farm.until(RegisterNode, 2)
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(ReportSegment)
    crash = farm.of(ReportCrash)[-1]
    assert crash.part_id is None and "broken on purpose" in crash.log_tail


async def test_a_node_starts_while_the_broker_is_away(farm):
    await farm.stop_broker()
    soon = "import node_worker.states.starting\nnode_worker.states.starting.BROKER_WITHIN = 0.3\n"
    with daemon(farm, arguments=("-c", soon + PROGRAM)) as node:
        while not any(line["event"] == "state" and line["now"] == "offline" for line in node.lines()):
            await asyncio.sleep(0.05)
        await farm.start_broker()
        await farm.until(RegisterNode)
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(ReportSegment)


async def test_no_address_is_logged_with_its_signature(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        work = farm.drawing("good", frames=10)
        farm.store.cut = [3]
        farm.store.objects["x"] = b""
        await farm.send(work)
        await farm.until(ReportSegment)
        farm.store.objects.clear()
        await farm.send(farm.part("assemble", farm.drawing("good").manifest))
        await farm.send(farm.part("inspect", farm.drawing("good").manifest))
        await farm.until(ReportFailure)
    text = node.log.read_text()
    assert "transfer broke" in text
    assert SECRET not in text and "node-password" not in text


async def test_the_daemon_loads_no_engine_and_no_service_library():
    heavy = ("av", "PIL", "thorvg_python", "faststream", "aioboto3", "asyncpg")
    code = f"import sys, node_worker.daemon; print(*[name for name in {heavy} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE, env=environment)
    output, _ = await process.communicate()
    assert (process.returncode, output.split()) == (0, [])


async def test_an_engine_does_not_inherit_the_secrets_of_its_daemon(farm):
    with daemon(farm) as node:
        await farm.until(RegisterNode)
        environments = [psutil.Process(pid).environ() for pid in node.engines()]
    assert environments
    assert not any("node-password" in environment.values() for environment in environments)
