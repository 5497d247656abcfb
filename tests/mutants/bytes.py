"""The promises about stored bytes as checks against the real store, and the changes that break them."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import aiohttp

from adapters.object_store import ObjectStore
from adapters.presign import CREATE_ONLY
from api_edge.handlers.object_checks import ObjectChecks, Seen
from consumers import file_mgr, render
from consumers.render.nodes import registration
from consumers.runtime.domain import Refusal
from consumers.runtime.reactions import Reaction
from contracts.envelope import first
from contracts.file_mgr.files import FileDiscarded, FileRejected, JudgeFile, StoreFile
from contracts.file_mgr.uploads import CompleteUpload, OpenUpload, StartUpload
from contracts.message import PLATFORM
from contracts.node import OLDEST, RegisterNode
from deploy.store_probe import Probe
from node_worker import transfer
from node_worker.failures import PartFailed
from node_worker.transfer import Transfers
from tests.mutants.checks import hold
from tests.support.domain_harness import DomainHarness

Mutation = Callable[[ObjectStore], AbstractContextManager[Any]]


async def _asked(store: ObjectStore, question: str) -> None:
    async with aiohttp.ClientSession() as http:
        promise = await getattr(Probe(store, http), question)()
    hold(promise.kept, f"{promise.name}: {promise.answer}")


async def a_finished_object_is_not_replaced(store: ObjectStore, folder: Path) -> None:
    """By whoever holds the address that it was sent to."""
    await _asked(store, "overwriting")


async def a_part_has_its_length(store: ObjectStore, folder: Path) -> None:
    """The one that was announced."""
    await _asked(store, "length")


async def a_part_has_its_bytes(store: ObjectStore, folder: Path) -> None:
    """Those whose hash was announced."""
    await _asked(store, "content")


async def joining_replaces_nothing(store: ObjectStore, folder: Path) -> None:
    """An object that is there stays as it is."""
    await _asked(store, "joining")


async def an_address_copies_nothing(store: ObjectStore, folder: Path) -> None:
    """Whatever headers come with the body."""
    await _asked(store, "copying")


async def a_node_knows_its_own(store: ObjectStore, folder: Path) -> None:
    """What somebody else put in its place is not reported as its result."""
    await store.put("taken", b"somebody else's")
    (folder / "result").write_bytes(b"mine")
    transfers = Transfers(patience=5)
    try:
        await transfers.upload(folder / "result", store.presign_put("taken", 60), "video/mp4")
    except PartFailed:
        return
    finally:
        await transfers.close()
    hold(False, "a node took what somebody else had stored for its own")


async def what_is_served_is_what_was_verified(store: ObjectStore, folder: Path) -> None:
    """Other bytes of the same length are not served, also when they come after a first look."""
    object_checks, reported = ObjectChecks(), hashlib.sha256(b"verified").hexdigest()
    await store.put("served", b"verified")
    hold((await object_checks.look(store, PLATFORM, "served", reported, 8)).state == "whole", "what was verified is not served")
    await store.put("served", b"replaced")
    hold(
        (await object_checks.look(store, PLATFORM, "served", reported, 8)).state == "damaged",
        "other bytes than those that were verified are served",
    )


async def no_node_chooses_the_weaker_address(store: ObjectStore, folder: Path) -> None:
    """A node that is new cannot claim to be too old for addresses that create."""
    old = RegisterNode(protocol=OLDEST, name="n", slots=1, engine_build="e", encoder_build="x", version="0", platform="linux")
    decided = DomainHarness(render.DOMAIN).do(old, actor=f"node:{uuid4()}", tenant=PLATFORM)
    hold(isinstance(decided, Refusal), "a new node was let in with an old protocol")


async def what_is_rejected_goes(store: ObjectStore, folder: Path) -> None:
    """From the judgement to the store."""
    harness = DomainHarness(file_mgr.DOMAIN)
    [started] = harness.do(StartUpload(name="a", bytes=100))
    harness.do(OpenUpload(upload_id=started.upload_id, storage_id="s"))
    harness.do(CompleteUpload(upload_id=started.upload_id, etags=("e",)))
    harness.do(StoreFile(upload_id=started.upload_id, bytes=100))
    await store.put(started.object_key, b"what cannot be used")
    [rejected] = harness.do(JudgeFile(file_id=started.file_id, kind="unknown"))
    kinds = {kind.payload: kind for kind in file_mgr.DOMAIN.effects}
    reactions = [one for one in file_mgr.DOMAIN.reacts if isinstance(one, Reaction) and one.on is FileRejected]
    for event in (event for one in reactions for command in one.make(rejected, first(rejected)) for event in harness.do(command)):
        for make in file_mgr.DOMAIN.makes.get(type(event), ()):
            for effect in make(event, first(event)):
                await kinds[type(effect)].run(effect, None, SimpleNamespace(objects=store))
    hold(await store.head(started.object_key) is None, "the object of a rejected file is still there")


def addresses_replace(store: ObjectStore) -> AbstractContextManager[Any]:
    """Addresses for results sign nothing but the host."""
    return patch.object(store, "presign_put", lambda key, seconds: ObjectStore.presign_put(store, key, seconds, replaces=True))


def lengths_are_not_signed(store: ObjectStore) -> AbstractContextManager[Any]:
    """A part may be as long as it likes."""

    def part(key: str, id: str, number: int, seconds: int, length: int, sha256: str = "") -> str:
        return store._presigner.sign("PUT", key, seconds, {"partNumber": str(number), "uploadId": id})

    return patch.object(store, "presign_part", part)


def hashes_are_not_signed(store: ObjectStore) -> AbstractContextManager[Any]:
    """A part may hold what it likes."""

    def part(key: str, id: str, number: int, seconds: int, length: int, sha256: str = "") -> str:
        return ObjectStore.presign_part(store, key, id, number, seconds, length)

    return patch.object(store, "presign_part", part)


def addresses_may_copy(store: ObjectStore) -> AbstractContextManager[Any]:
    """The header that copies is heard."""

    def put(key: str, seconds: int) -> str:
        source = f"/{store.bucket}/{key.replace('copy', 'source')}"
        return store._presigner.sign("PUT", key, seconds, headers={**CREATE_ONLY, "x-amz-copy-source": source})

    return patch.object(store, "presign_put", put)


def joining_has_no_condition(store: ObjectStore) -> AbstractContextManager[Any]:
    """The store is not told that nothing may lie there."""
    complete = store._client.complete_multipart_upload

    async def joined(**upload: Any) -> Any:
        del upload["IfNoneMatch"]
        return await complete(**upload)

    return patch.object(store._client, "complete_multipart_upload", joined)


def every_refusal_is_a_success(store: ObjectStore) -> AbstractContextManager[Any]:
    """412 is taken for done, whoever wrote what lies there."""
    return patch.object(transfer, "_is_ours", lambda sent: True)


def an_etag_is_forgotten(store: ObjectStore) -> AbstractContextManager[Any]:
    """What was looked at once is believed for ever."""
    stat, first = store.stat, {}

    async def same(key: str) -> Any:
        return first.setdefault(key, await stat(key))

    return patch.object(store, "stat", same)


def nothing_is_read(store: ObjectStore) -> AbstractContextManager[Any]:
    """A size that fits is enough."""

    async def read(self: ObjectChecks, *_: Any) -> Seen:
        return Seen("whole")

    return patch.object(ObjectChecks, "_read", read)


def every_protocol_is_spoken(store: ObjectStore) -> AbstractContextManager[Any]:
    """Whatever a node says that it speaks."""
    return patch.object(registration, "_unspoken", lambda cmd, known: None)


def discarding_is_a_word(store: ObjectStore) -> AbstractContextManager[Any]:
    """The event has no effect."""
    return patch.dict(file_mgr.DOMAIN.makes, {FileDiscarded: ()})
