"""What lies in object storage is compared too: archives of the log, and the objects that rows name."""

from typing import Any

from adapters.object_store import ObjectStore
from deploy.check.full import check_whole
from deploy.local.servers import Servers
from tests.support.checked import AT_ONCE, checked
from tests.support.logs import archive
from tests.support.password import PASSWORD


async def test_an_archive_that_is_changed_or_gone_is_found(servers: Servers) -> None:
    async with checked(servers, parts=20) as installation:
        store: ObjectStore = installation.at.store
        dsn = servers.pg_dsn("log_app", PASSWORD, installation.in_process.dsn.rpartition("/")[2])
        assert await archive(dsn, store, most=20, parts=2) == [1, 21]
        assert not (await installation.check()).differences
        assert not (await installation.check()).differences
        row = await installation.db.fetchrow("select object_key, bytes from log.archives where first = 21")
        packed = await store.get(row["object_key"], 1 << 20)
        await store.put(row["object_key"], packed[:-1] + bytes([packed[-1] ^ 1]))
        rounds = [await installation.found() for _ in range(3)]
        assert any("archives" in found for found in rounds) and "archives" in rounds[-1], rounds
        whole = await check_whole(installation.at, installation.in_process.dsn, AT_ONCE)
        assert {"archives", "replay"} <= {one.name for one in whole.differences}
        await store.delete(row["object_key"])
        assert any(place.endswith("no object") for place in (await installation.found())["archives"])
        await store.put(row["object_key"], packed)
        assert not await installation.found()


async def test_an_object_that_is_gone_or_of_another_size_or_content_is_found(servers: Servers) -> None:
    async with checked(servers) as installation:
        store: ObjectStore = installation.at.store
        await installation.db.execute("set session_replication_role = replica")
        for name in ("file_mgr.files", "render.segments", "render.exports", "render.snapshots"):
            rows = await installation.db.fetch(f"select object_key, sha256 from {name} where object_key <> ''")
            for row in rows:
                await store.put(row["object_key"], row["sha256"].encode())
            await installation.db.execute(
                f"update {name} set bytes = length(sha256), sha256 = encode(sha256(sha256::bytea), 'hex') where sha256 <> ''"
            )
        for row in await installation.db.fetch("select scan_key from file_mgr.files where scan_key <> ''"):
            await store.put(row["scan_key"], b"{}")

        async def objects(**more: Any) -> list[str]:
            found = await installation.found(young=-60.0, **more)
            return found.get("objects", [])

        assert [place for place in await objects(whole=True) if "render" in place] == []
        key = await installation.db.fetchval("select object_key from render.exports order by tenant_id, job_id limit 1")
        content = await store.get(key, 1000)
        await store.put(key, content[::-1])
        assert any(key in place and "SHA-256" in place for place in await objects())
        assert any(key in place and "SHA-256" in place for place in await objects(whole=True))
        await store.put(key, content)
        last = "select object_key from render.segments where state = 'done' order by tenant_id desc limit 1"
        later = await installation.db.fetchval(last)
        kept = await store.get(later, 1000)
        await store.put(later, kept[::-1])
        assert any(later in place for place in await objects(whole=True))
        assert any(later in place for place in await objects()), "a quick look does not end what it has not read"
        await store.put(later, kept)
        assert not any(later in place for place in await objects())
        await store.put(key, content + b"more")
        assert any(key in place and "bytes" in place for place in await objects())
        await store.delete(key)
        assert any(key in place and place.endswith("none") for place in await objects())
        await store.put(key, content)
        assert not [place for place in await objects() if key in place]
