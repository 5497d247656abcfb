"""The three real servers: what was acknowledged survives their death, they come back by themselves, and they leave nothing behind."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from adapters.nats import connect
from adapters.settings import Settings
from deploy.local import binaries, postgres_orphans
from deploy.local.errors import StackError
from deploy.local.http import get_json, status
from deploy.local.process import Process, Program
from deploy.local.s3_signature import signed_request
from deploy.local.servers import NATS_ADMIN, Servers
from deploy.nats import NatsRole
from tests.support.chance import chance

NAMES = ("nats", "postgres", "s3")


@pytest.fixture
def data():
    # Below a closed folder with a space, and deeper than the path of a unix socket may be.
    parent = Path(tempfile.mkdtemp(prefix="flatrender test "))
    yield parent / ("deep" * 20) / "data"
    shutil.rmtree(parent)


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not (value := condition()):
            await asyncio.sleep(0.02)
        return value


def running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def left_in(folder):
    """The processes that work in a folder."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line or postgres_orphans.cluster_name(folder / "postgres") in line]


async def quiet(error):
    del error


async def connect_nats(servers, **options):
    return await nats.connect(options.pop("url", servers.nats_admin_url), error_cb=quiet, max_reconnect_attempts=100, **options)


async def query(servers, statement):
    connection = await asyncpg.connect(servers.pg_admin_dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def put(servers, path, body=b"", secret=None):
    return await status(signed_request("PUT", f"{servers.s3_url}/{path}", servers.s3_access_key, secret or servers.s3_secret_key, body))


async def get(servers, path):
    request = signed_request("GET", f"{servers.s3_url}/{path}", servers.s3_access_key, servers.s3_secret_key)
    return await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=5).read())


async def write_everywhere(servers):
    client = await connect_nats(servers)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await client.jetstream().publish("kept.x", b"a message")
    await client.close()
    await query(servers, "create table kept (word text)")
    await query(servers, "insert into kept values ('a row')")
    assert await put(servers, "kept") == 200
    assert await put(servers, "kept/x", b"an object") == 200


async def assert_everything_is_there(servers):
    client = await connect_nats(servers)
    assert (await client.jetstream().get_msg("KEPT", 1)).data == b"a message"
    await client.close()
    assert await query(servers, "select word from kept") == "a row"
    assert await get(servers, "kept/x") == b"an object"


async def test_what_was_acknowledged_survives_the_death_of_each_server_and_a_new_start(data):
    async with Servers(data) as servers:
        await write_everywhere(servers)
        addresses = (servers.nats_url, servers.pg_admin_dsn, servers.s3_url)
        for name in NAMES:
            await servers.kill(name)
            assert servers.pid(name) is None
            await servers.restart(name)
        await assert_everything_is_there(servers)
    async with Servers(data) as servers:
        assert (servers.nats_url, servers.pg_admin_dsn, servers.s3_url) == addresses
        await assert_everything_is_there(servers)


async def test_a_supervised_server_that_is_killed_comes_back_by_itself(data):
    notices = []
    async with Servers(data, supervise=True, notice=notices.append) as servers:
        await write_everywhere(servers)
        before = {name: servers.pid(name) for name in NAMES}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        for name in NAMES:
            await until(lambda name=name: servers.pid(name) not in (None, before[name]))
            await servers.until_ready(name)
        await assert_everything_is_there(servers)
        assert {name: servers.restarts(name) >= 1 for name in NAMES} == dict.fromkeys(NAMES, True)
        assert any("postgres was ended by signal 9" in notice for notice in notices)


async def test_a_busy_backend_that_outlives_its_postmaster_is_ended_before_the_next_start(data):
    async with Servers(data) as servers:
        connection = await asyncpg.connect(servers.pg_admin_dsn)
        backend = await connection.fetchval("select pg_backend_pid()")
        # Arithmetic in a loop never looks whether the postmaster lives.
        busy = asyncio.create_task(connection.execute("do $$ begin loop end loop; end $$"))
        while not await query(servers, "select count(*) from pg_stat_activity where state = 'active' and query like 'do %'"):
            await asyncio.sleep(0.01)
        os.kill(servers.pid("postgres"), signal.SIGKILL)
        await until(lambda: servers.pid("postgres") is None)
        await servers.restart("postgres")
        assert not running(backend)
        with contextlib.suppress(Exception):
            await busy
        assert await query(servers, "select 1") == 1


async def test_the_servers_are_set_as_promised(data):
    async with Servers(data) as servers:
        state = await get_json(f"{servers.nats_monitor_url}/varz")
        assert state["jetstream"]["config"]["sync_always"] is True
        assert await query(servers, "show synchronous_commit") == "on"
        assert await query(servers, "show server_version_num") >= "180000"
        assert await query(servers, "show data_checksums") == "on"
        assert (await query(servers, "select rolpassword from pg_authid where rolname = 'postgres'")).startswith("SCRAM-SHA-256$1:")
        socket_connection = await asyncpg.connect(
            host=str(servers.pg_socket_folder), port=servers.postgres.port, user="postgres", password=servers.secrets.get("postgres.admin")
        )
        await socket_connection.close()
        for name in NAMES:
            tree = [psutil.Process(servers.pid(name)), *psutil.Process(servers.pid(name)).children(recursive=True)]
            listening = [c.laddr.ip for p in tree for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
            assert set(listening) <= {"127.0.0.1"}


async def test_nobody_gets_in_without_the_password(data):
    async with Servers(data) as servers:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(servers.pg_dsn("postgres", "wrong"))
        with pytest.raises(Exception, match=r"(?i)authorization"):
            await nats.connect(servers.nats_url, error_cb=quiet, allow_reconnect=False)
        assert await put(servers, "bucket", secret="wrong") == 403
        filer = f"http://127.0.0.1:{servers.s3.ports['s3_filer']}/buckets/flatrender-ready/probe"
        assert await status(urllib.request.Request(filer)) == 401
        assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600
        # Everything lies below a folder that only its owner enters.
        assert stat.S_IMODE(data.stat().st_mode) == 0o700


async def test_a_nats_user_is_added_without_a_restart_and_may_do_only_what_it_lists(data):
    async with Servers(data) as servers:
        secret = servers.secrets.get("nats.admin")
        # A connection of ours: nats-py's own `flush` returns before the server has heard of the subscription.
        admin = await connect(Settings(nats_url=servers.nats_url, nats_user=NATS_ADMIN, nats_password=secret), "admin", within=10)
        pid = servers.pid("nats")
        await servers.set_nats_roles([NatsRole("node", "pw", ["report.n1.>"], ["_INBOX.>"])])
        errors = []

        async def remember(error):
            errors.append(str(error))

        node = await nats.connect(servers.nats_url, user="node", password="pw", error_cb=remember)
        seen = await admin.subscribe(">")
        await admin.flush()
        await node.publish("report.n2.x", b"forged")
        await node.publish("report.n1.x", b"mine")
        assert (await seen.next_msg(timeout=60)).subject == "report.n1.x"
        await node.flush()
        assert any("permissions violation" in error for error in errors)
        assert servers.pid("nats") == pid
        assert admin.is_connected
        with pytest.raises(StackError, match="refuses the new users"):
            await servers.set_nats_roles([NatsRole("node", "pw", ["report..bad"], [])])
        assert (await connect_nats(servers, url=servers.nats_url, user="node", password="pw")).is_connected
        await node.close()
        await admin.close()


async def test_a_server_that_cannot_start_shows_its_last_lines_and_nothing_stays_running(data):
    async with Servers(data):
        pass
    (data / "postgres" / "PG_VERSION").write_text("12\n")
    servers = Servers(data)
    with pytest.raises(StackError, match="database files are incompatible"):
        await servers.start()
    assert [servers.pid(name) for name in NAMES] == [None, None, None]
    # The folder was given back, so the fault can be put right and the same folder used.
    (data / "postgres" / "PG_VERSION").write_text("18\n")
    async with Servers(data):
        pass


@pytest.mark.parametrize("seed", range(8))
async def test_a_start_that_is_stopped_in_the_middle_leaves_nothing_running_and_the_folder_can_be_removed(data, seed):
    servers = Servers(data, supervise=True)
    starting = asyncio.create_task(servers.start())
    # The first start makes PostgreSQL's folder, which takes most of its time; some come to its end.
    await asyncio.sleep(chance(seed).uniform(0.0, 2.0))
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await servers.stop()
    assert left_in(data) == []


async def test_a_missing_server_is_named_with_what_to_do(data, monkeypatch, tmp_path):
    monkeypatch.setattr(binaries.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(binaries.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"is missing. Run `make env`"):
        await Servers(data).start()
    assert left_in(data) == []


@pytest.mark.skipif(sys.platform != "linux", reason="children are tied to their parent by Linux alone")
async def test_a_killed_parent_leaves_no_server_behind_and_its_data_can_be_used_at_once(data, tmp_path):
    program = (
        "import asyncio, json, pathlib, sys\n"
        "from deploy.local.servers import NATS_ADMIN, Servers\n"
        "async def main():\n"
        "    async with Servers(pathlib.Path(sys.argv[1])) as servers:\n"
        "        print(json.dumps([servers.pid(name) for name in ('nats', 'postgres', 's3')]), flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    log = tmp_path / "parent.log"
    root = str(Path(__file__).parents[2])
    parent = Process(Program("parent", [sys.executable, "-c", program, str(data)], env={"PYTHONPATH": root}), log)
    parent.start()
    pids = json.loads(await until(lambda: log.exists() and log.read_text()))
    with pytest.raises(StackError, match="already runs on"):
        await Servers(data).start()
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    async with Servers(data) as servers:
        assert not any(running(pid) for pid in pids)
        assert await query(servers, "select 1") == 1
