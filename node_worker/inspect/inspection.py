"""Tell a file's kind by its first bytes and hand it to who knows that kind."""

import hashlib
from pathlib import Path

from node_worker.engines.base import Engine, TemplateRefused
from node_worker.inspect.documents import looks_like_json
from node_worker.inspect.facts import Inspection

HEAD = 4096  # bytes looked at


def inspect(path: Path, work: Path, engine: Engine) -> Inspection:
    """Open the file at `path` and tell what it is; `work` is a folder for a template's extracted parts.

    A file of no known kind is told as "unknown". Raises TemplateRefused for one that is broken, empty or too large for its kind,
    and OSError if it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not head:
        raise TemplateRefused("file.empty", "the file is empty; upload it again")
    return _by_content(path, head, work, engine, Inspection(kind="unknown", format="", sha256=digest, bytes=path.stat().st_size))


def _by_content(path: Path, head: bytes, work: Path, engine: Engine, found: Inspection) -> Inspection:
    """Import who reads a kind only when a file of it comes: an idle node need not hold them."""
    if is_template(head):
        return _template(path, work, engine, found)
    from node_worker.inspect import fonts, media, pictures

    if name := pictures.format_of(head):
        return pictures.inspect_picture(path, name, found)
    if name := fonts.format_of(head):
        return fonts.inspect_font(path, name, found)
    if name := media.format_of(head):
        return media.inspect_media(path, name, found)
    return found


def is_template(head: bytes) -> bool:
    """Say whether a file that begins with `head` can be a template: a zip, or a JSON object, packed or in whatever encoding."""
    return head.startswith(b"PK\x03\x04") or looks_like_json(head)


def _template(path: Path, work: Path, engine: Engine, found: Inspection) -> Inspection:
    scan = engine.scan(path, work)
    first = scan.scenes[0] if scan.scenes else None
    return Inspection(
        kind="template",
        format=scan.format,
        sha256=found.sha256,
        bytes=found.bytes,
        width=first.width if first else 0,
        height=first.height if first else 0,
        duration=sum(scene.duration for scene in scan.scenes),
        scan=scan,
    )
