"""`python -m deploy.references` (`make generate`): writes the references anew; starts a PostgreSQL of its own for the moment."""

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg

from deploy.local.servers import Servers
from deploy.references import ROOT, from_code, from_database
from sql.migrate import migrate


async def _texts() -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="flatrender-references-") as folder:
        async with Servers(Path(folder) / "data") as servers:
            conn = await asyncpg.connect(servers.pg_admin_dsn)
            try:
                await migrate(conn)
                return from_code() | await from_database(conn)
            finally:
                await conn.close()


def main() -> int:
    """Write what differs, and say what that was."""
    for name, text in sorted(asyncio.run(_texts()).items()):
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{name} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
