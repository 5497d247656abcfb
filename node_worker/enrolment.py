"""Joining the farm: once, by a join token; the identity that comes of it stays in the node's data folder."""

import asyncio
import os
import platform
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from pydantic import SecretStr

from adapters.settings import Settings
from node_worker.folder import FolderInUse
from node_worker.platform import lock_file, sync_folder

FILE = "identity.json"
PATIENCE = 30.0  # seconds that an edge may be away while a node joins
FIRST_DELAY, LONGEST_DELAY = 0.25, 4.0  # seconds
ANSWER_WITHIN = 15.0  # seconds


class Identity(msgspec.Struct, frozen=True):
    """Who the node is; without an id it has asked to join and does not know the answer yet."""

    secret: str
    url: str
    name: str
    node_id: UUID | None = None
    nats_url: str = ""
    nats_user: str = ""


class JoinRefused(Exception):
    """The farm does not take this node; the text says why, and what to do."""


class NotAnswered(Exception):
    """The edge cannot be reached, or cannot answer now."""


async def enrolled(settings: Settings, join: str = "", url: str = "") -> Settings:
    """The settings with the identity of the data folder, which is made by joining when there is none and a token is given.

    A node that is named by FLATRENDER_NODE_ID has its user from elsewhere: nothing is done for it.
    Raises JoinRefused, NotAnswered, FolderInUse, OSError.
    """
    if settings.node_id:
        return settings
    root = settings.data.absolute()
    identity = read(root)
    if identity is None or identity.node_id is None:
        token = join or settings.node_join.get_secret_value()
        if not token:
            return settings
        identity = await _join(root, identity, token, url or settings.url, settings.node_name or platform.node() or "node")
    update: dict[str, Any] = {
        "node_id": str(identity.node_id),
        "node_name": settings.node_name or identity.name,
        "nats_user": identity.nats_user,
        "nats_password": SecretStr(identity.secret),
    }
    # What the farm said may be outdated: a person's word goes before it.
    update |= {name: getattr(identity, name) for name in ("url", "nats_url") if name not in settings.model_fields_set}
    return settings.model_copy(update=update)


def read(root: Path) -> Identity | None:
    """The identity that lies in a data folder. Raises JoinRefused for a file that is none."""
    path = root / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise JoinRefused(f"{path} cannot be read: {error}. Move it away and join with a new token.") from None


async def standing(settings: Settings) -> str:
    """What the farm says of this node, which the broker has refused: `active`, `revoked`, or nothing when nobody answers."""
    if not settings.url:
        return ""
    bearer = f"fn_{UUID(settings.node_id).hex}_{settings.nats_password.get_secret_value()}"
    try:
        status, body = await _ask("GET", f"{settings.url}/v1/nodes/{settings.node_id}/standing", bearer)
    except NotAnswered:
        return ""
    return str(body.get("state", "")) if status == 200 else ""


async def _join(root: Path, begun: Identity | None, token: str, url: str, name: str) -> Identity:
    if not url:
        raise JoinRefused("joining needs the farm's address: --url URL (or FLATRENDER_URL)")
    await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
    lock = lock_file(root / "lock")
    if lock is None:
        raise FolderInUse(f"another node works in {root}; give each node its own data folder (FLATRENDER_DATA)")
    try:
        # On disk before it is told: whatever ends this process, the next one asks with the same secret and gets the same answer.
        identity = Identity(begun.secret if begun else secrets.token_urlsafe(32), url.rstrip("/"), name)
        _write(root, identity)
        answer = await _joined(identity, token)
        identity = Identity(identity.secret, identity.url, name, UUID(answer["node_id"]), answer["nats_url"], answer["nats_user"])
        _write(root, identity)
        return identity
    finally:
        lock.close()


async def _joined(identity: Identity, token: str) -> dict[str, Any]:
    body = {"name": identity.name, "secret_sha256": sha256(identity.secret.encode()).hexdigest()}
    loop = asyncio.get_running_loop()
    give_up, delay = loop.time() + PATIENCE, FIRST_DELAY
    while True:
        try:
            status, answer = await _ask("POST", f"{identity.url}/v1/nodes/join", token, body)
            if status in (200, 201):
                return answer
            if status not in (202, 429) and status < 500:
                raise JoinRefused(f"{identity.url} refuses this node: {answer.get('detail') or f'it answers {status}'}")
            raise NotAnswered(f"{identity.url} cannot answer now ({status}): {answer.get('detail') or 'it is still at work'}")
        except NotAnswered:
            if loop.time() + delay > give_up:
                raise
        await asyncio.sleep(delay)
        delay = min(delay * 2, LONGEST_DELAY)


async def _ask(method: str, url: str, bearer: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """One request of the edge: the status and the JSON object of the answer. Raises NotAnswered."""
    import aiohttp  # here, as most starts need no HTTP before the engines are warm

    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.request(method, url, json=body, headers={"Authorization": f"Bearer {bearer}"}, allow_redirects=False) as answer,
        ):
            found = msgspec.json.decode(await answer.read() or b"{}")
            return answer.status, found if isinstance(found, dict) else {}
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise NotAnswered(f"{url} cannot be asked: {error or type(error).__name__}") from None


def _write(root: Path, identity: Identity) -> None:
    """Replace the file, readable by its owner alone; either the old or the new one is there after a crash."""
    new = root / f"{FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, root / FILE)
    sync_folder(root)
