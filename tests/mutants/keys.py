"""The promises about keys and secrets (I1, I10) as checks over domains on a real database."""

from typing import Any
from uuid import UUID, uuid4

import msgspec

from api_edge.auth import signing
from api_edge.auth.secret_texts import secret_hash
from api_edge.auth.secrets import API_KEY, drawn, text_of
from api_edge.auth.signing import Signer
from contracts.file_mgr.uploads import StartUpload
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.secrets import RevealSecret
from tests.mutants.checks import hold
from tests.support.in_process import InProcessDomains, item_of

SIGNER = Signer("0123456789abcdef")


async def a_key_names_one_command_for_each_who_asks_and_where(in_process: InProcessDomains) -> None:
    """I1: what one API key asked for by an Idempotency-Key is neither told to another nor in the way of another route."""
    tenant, key = await in_process.tenant(), uuid4().hex
    start, other = StartUpload(name="a file", bytes=10), StartUpload(name="another", bytes=20)
    routes = (("POST", "/v1/uploads", "start"), ("POST", "/v1/other", "start"))
    asked = [("key:1", routes[0], start), ("key:2", routes[0], start), ("key:1", routes[1], other), ("key:1", routes[0], start)]
    items = [
        item_of(command, tenant, actor=actor, id=signing.command_id(tenant, actor, route, key), request_hash=f"1:{command.bytes}")
        for actor, route, command in asked
    ]
    outcomes = [outcome for item in items for outcome in await in_process.decide("file_mgr", [item])]
    states = [outcome.state if outcome else "none" for outcome in outcomes]
    hold(states == ["done"] * 4, f"the four requests became {states}")
    uploads = [msgspec.json.decode(outcome.body)["upload_id"] for outcome in outcomes if outcome]
    hold(len(set(uploads)) == 3 and uploads[0] == uploads[3], f"the uploads are {uploads}")


async def a_secret_is_shown_once(in_process: InProcessDomains) -> None:
    """I10: of all that ask to show the secret of an operation, in one batch or later, one may."""
    tenant, command = await in_process.tenant(), uuid4()
    items = [item_of(RevealSecret(command_id=command, what="key", thing_id=uuid4()), tenant) for _ in range(3)]
    outcomes = [*await in_process.decide("identity", items[:2]), *await in_process.decide("identity", items[2:])]
    states = [outcome.state if outcome else "none" for outcome in outcomes]
    hold(states == ["done", "refused", "refused"], f"the three that asked were told {states}")


async def a_salt_is_in_the_outcome_alone(in_process: InProcessDomains) -> None:
    """I10: what a key's secret is made of comes back to the edge, and is in no event and no row but its operation's."""
    tenant = await in_process.tenant()
    command: Any = drawn(SIGNER, API_KEY, CreateApiKey(name="a key", scopes=("*",)))
    body = await in_process.send(command, tenant)
    hold(body["salt"] == command.salt, "the outcome does not give the salt back")
    await in_process.sequence()
    tables = ("identity.tenant_api_keys", "identity.outbox", "identity.effects", "identity.timers", "log.events")
    for table in tables:
        found = await in_process.admin.fetchval(
            f"select exists (select from {table} t where t::text like '%' || $1 || '%')", command.salt.partition(":")[2]
        )
        hold(not found, f"{table} has the salt")
    stored = await in_process.admin.fetchval("select secret_sha256 from identity.tenant_api_keys where key_id = $1", UUID(body["key_id"]))
    hold(secret_hash(text_of(SIGNER, API_KEY, uuid4(), body).split("_")[2]) == stored, "the salt does not make the key's secret")
