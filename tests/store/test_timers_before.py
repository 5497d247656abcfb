"""Timers of the release before, in a database that is migrated."""

from typing import Any
from uuid import uuid4

import asyncpg

from contracts.file_mgr.uploads import AbortUpload
from contracts.message import encode, type_of
from sql.migrate import migrations, set_role_passwords
from tests.support.hours import SOON, hours_over
from tests.support.password import PASSWORD
from tests.support.timing import FINE


async def test_timers_of_the_release_before_keep_their_ids_as_names_and_fire(servers: Any) -> None:
    admin = await asyncpg.connect(servers.pg_admin_dsn)
    name = f"test_{uuid4().hex[:12]}"
    await admin.execute(f"create database {name}")
    dsn = servers.pg_admin_dsn.rsplit("/", 1)[0] + f"/{name}"
    try:
        conn = await asyncpg.connect(dsn)
        old, tenant, body = uuid4(), uuid4(), encode(AbortUpload(upload_id=FINE)).decode()
        for number, text in migrations():
            if number.startswith("32_"):
                kind = type_of(AbortUpload).full_name
                insert = "insert into file_mgr.timers (tenant_id, id, type, body, due_at) values ($1, $2, $3, $4, $5)"
                await conn.execute(insert, tenant, old, kind, body, SOON)
            await conn.execute(text)
        await set_role_passwords(conn, PASSWORD)
        await conn.close()
        async with hours_over(dsn) as hours:
            hours.tenant = tenant
            assert await hours.left() == [(str(old), SOON)]
            assert await hours.pass_until(SOON) == ["done"]
            assert (await hours.fired(), await hours.left()) == ([(str(old), SOON)], [])
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
