"""`flatrender effects` against a running stack: what waits for a person is seen, and what a person decides is done by the domain."""

import asyncio
import json
import os
import sys
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.envelope import first
from contracts.file_mgr.uploads import UploadAborted
from contracts.message import DEFAULT_TENANT, encode
from deploy.local.stack import Stack

pytestmark = pytest.mark.timeout(240)
ROW = """insert into file_mgr.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error, state, ended)
 values ($1, $2, $3, $4, $5, 40, now() + interval '1 hour', 'the store is away', $6, '')"""


async def flatrender(stack: Stack, *words: str) -> tuple[int, str]:
    """Exit code and all that was said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "effects", *words, "--data", str(stack.data),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def waiting(conn: asyncpg.Connection, kind: str, payload: dict[str, Any], state: str) -> UUID:
    """An effect that waits for a person."""
    aborted = UploadAborted(upload_id=uuid4(), file_id=uuid4(), reason="")
    id = uuid4()
    await conn.execute(ROW, DEFAULT_TENANT, id, kind, json.dumps(payload), encode(first(aborted, tenant=DEFAULT_TENANT)).decode(), state)
    return id


async def test_a_person_sees_retries_and_gives_up_what_is_left(commands_stack: Stack) -> None:
    stack = commands_stack
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    await conn.execute("set app.tenants = '*'")
    upload = {"upload_id": str(uuid4()), "object_key": f"files/{DEFAULT_TENANT}/{uuid4()}", "media_type": "image/png"}
    lost, doubtful = await waiting(conn, "open", upload, "exhausted"), await waiting(conn, "open", upload, "unknown")
    code, said = await flatrender(stack, "list", "--state", "exhausted", "--json")
    assert code == 0 and [json.loads(line)["id"] for line in said.splitlines()] == [str(lost)], said
    code, said = await flatrender(stack, "list", "--domain", "file_mgr", "--kind", "open")
    assert code == 0 and "the store is away" in said and str(doubtful) in said, said
    code, said = await flatrender(stack, "retry", str(doubtful))
    assert code == 1 and "settle" in said and "Traceback" not in said, said
    code, said = await flatrender(stack, "pause", str(lost))
    assert code == 1 and "only long work" in said, said
    code, said = await flatrender(stack, "retry", str(lost), "--reason", "it is back")
    assert code == 0 and "was exhausted and is due" in said, said
    code, said = await flatrender(stack, "give-up", str(doubtful), "--reason", "nobody needs it")
    assert code == 0 and "is done" in said, said
    async with asyncio.timeout(60):
        while await conn.fetchval("select count(*) from file_mgr.effects where id = any($1)", [lost, doubtful]):
            await asyncio.sleep(0.05)
        logged = "select count(*) from log.events where type = 'evt.file_mgr.effect.steered.v1' and actor = 'operator'"
        while await conn.fetchval(logged) < 2:
            await asyncio.sleep(0.05)
    code, said = await flatrender(stack, "retry", str(lost))
    assert code == 1 and "may be done" in said, said
    assert (await flatrender(stack, "list", "--state", "flying"))[0] == 2
    await conn.close()
