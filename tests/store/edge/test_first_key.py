"""The first API key of an installation: drawn once, kept, and the same at every start; that of the release before goes on working."""

from uuid import uuid4

import pytest

from api_edge.auth.secret_texts import first_text, secret_hash
from api_edge.auth.signing import Signer
from contracts.envelope import derived_id
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.tenants import CreateTenant
from contracts.message import DEFAULT_TENANT, encode, type_of
from deploy import bootstrap
from deploy.bootstrap import COMMAND, KEY, ensure_first_key
from tests.store.edge.support import SECRET, done


class Kept(dict):
    """A secret store without a file."""

    get, set = dict.__getitem__, dict.__setitem__


@pytest.fixture
def identity(backend):
    """Stands for the domain: makes the keys that it is asked for, each once; a list of what came, by type."""
    ids, came = {}, []

    async def row(key_id, hash, state="active", format=2):
        await backend.pg.execute(
            "insert into identity.tenant_api_keys values ($1,$2,1,now(),now(),'first key',$3,$4,'h',$5,$6)",
            DEFAULT_TENANT, key_id, encode(["*"]).decode(), hash, state, format,
        )  # fmt: skip

    def decide(envelope, body):
        came.append(envelope.type)
        if envelope.type == type_of(CreateTenant).full_name:
            return done(envelope)
        key_id, salt = ids.setdefault(envelope.id, (uuid4(), body["salt"]))
        decide.made.append((key_id, body["secret_sha256"]))
        return done(envelope, key_id=str(key_id), salt=salt)

    decide.made, decide.row, decide.came = [], row, came
    return decide


async def start(backend, identity, kept):
    """A start of the stack, as far as its first key goes, and identity's rows behind it."""
    async with backend.deciding("identity", identity):
        text = await ensure_first_key(backend.settings, kept)
    for key_id, hash in identity.made:
        if not await backend.pg.fetchval("select count(*) from identity.tenant_api_keys where key_id = $1", key_id):
            await identity.row(key_id, hash)
    return text


async def test_the_first_key_is_drawn_once_and_the_same_at_every_start(backend, identity):
    kept = Kept()
    one = await start(backend, identity, kept)
    assert kept[KEY] == one and one.startswith("fr1_")
    assert [await start(backend, identity, kept) for _ in range(2)] == [one, one]
    assert identity.came.count(type_of(CreateApiKey).full_name) == 1
    assert await start(backend, identity, Kept()) != one  # another installation


async def test_a_start_that_ended_before_it_kept_its_key_leaves_no_second_one(backend, identity):
    kept = Kept()
    one = await start(backend, identity, kept)
    del kept[KEY]
    assert await start(backend, identity, kept) == one  # found by its hash: the inbox may have forgotten it
    del kept[KEY]
    await backend.pg.execute("delete from identity.tenant_api_keys where name = 'first key'")
    assert await start(backend, identity, kept) == one  # asked for again under the same command
    assert len({key_id for key_id, _ in identity.made}) == 1


async def test_a_first_key_that_was_revoked_is_replaced(backend, identity):
    kept = Kept()
    one = await start(backend, identity, kept)
    await backend.pg.execute("update identity.tenant_api_keys set state = 'revoked' where name = 'first key'")
    two = await start(backend, identity, kept)
    assert two != one and await start(backend, identity, kept) == two == kept[KEY]


async def test_the_first_key_of_the_release_before_goes_on_being_told_whatever_the_inbox_remembers(backend, identity):
    await backend.pg.execute("delete from identity.tenant_api_keys where name = 'first key'")
    secret = Signer(SECRET).first_format("api-key", bootstrap._KEY_COMMAND)
    key_id = derived_id(bootstrap._KEY_COMMAND, "api key")
    await identity.row(key_id, secret_hash(secret), format=1)
    kept = Kept()
    assert await start(backend, identity, kept) == first_text("fr", key_id, secret) == kept[KEY]
    assert not identity.came and COMMAND not in kept
