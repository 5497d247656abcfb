"""A killed release's data folder as one small file, and back."""

import os
import tarfile
from pathlib import Path

from deploy.local.postgres_user import run_as

REMADE = {"logs", "cache", "work"}  # folders whose content every release makes anew


def pack(data: Path, archive: Path, last_segment: str) -> None:
    """Write `data` to a tar.xz, as it was left; `last_segment` is PostgreSQL's newest WAL file, those after it hold nothing yet."""

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        path = Path(entry.name)
        if set(path.parts[:-1]) & REMADE:
            return None
        if path.parent.name == "pg_wal" and entry.isfile() and path.name > last_segment:
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for path in sorted(data.rglob("*")):
            tar.add(path, str(path.relative_to(data)), recursive=False, filter=kept)


def unpack(archive: Path, data: Path) -> None:
    """Lay a packed folder out, owned as the stack would have left it for the user of this process."""
    data.mkdir(parents=True, mode=0o700)
    with tarfile.open(archive) as tar:
        # An archive of our own, with the modes that it had; early 3.11 knows no filters yet.
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        tar.extractall(data)
    who = run_as()
    for folder, _, files in os.walk(data / "postgres"):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            who.give(path)
