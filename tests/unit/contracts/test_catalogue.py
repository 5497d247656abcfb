"""What is derived from the messages is complete and without contradiction."""

import json
from uuid import uuid4

import msgspec
import pytest

from contracts import catalogue
from contracts.catalogue.roles import node
from contracts.domains import DOMAINS
from contracts.message import Event, Kind, MessageType, all_types, named
from tests.support.subjects import takes

TYPES = list(all_types())
STREAMS = {stream["name"]: stream for stream in catalogue.streams()}


def name_of(entry: MessageType) -> str:
    return entry.full_name


@pytest.mark.parametrize("entry", TYPES, ids=name_of)
def test_every_message_goes_into_the_one_stream_that_the_catalogue_says(entry: MessageType) -> None:
    subject = entry.subject(uuid4())
    taking = [name for name, stream in STREAMS.items() if any(takes(pattern, subject) for pattern in stream["subjects"])]
    assert taking == ([] if entry.kind is Kind.TICK else [catalogue.stream_of(entry)])


@pytest.mark.parametrize("entry", [e for e in TYPES if e.kind is Kind.EVENT], ids=name_of)
def test_only_the_log_may_publish_an_event(entry: MessageType) -> None:
    everyone = [*catalogue.roles(), node(uuid4())]
    subject = entry.subject(uuid4())
    assert [role.name for role in everyone if any(takes(pattern, subject) for pattern in role.publish)] == ["log"]


@pytest.mark.parametrize("entry", [e for e in TYPES if e.kind is Kind.COMMAND], ids=name_of)
def test_a_command_may_come_from_the_edge_and_from_its_own_domain_only(entry: MessageType) -> None:
    subject = entry.subject(uuid4())
    allowed = {role.name for role in [*catalogue.roles(), node(uuid4())] if any(takes(p, subject) for p in role.publish)}
    assert allowed == {"edge", entry.domain}


def test_a_node_may_publish_under_its_own_id_only() -> None:
    me, other = uuid4(), uuid4()
    for entry in TYPES:
        mine = any(takes(pattern, entry.subject(me)) for pattern in node(me).publish)
        assert mine is (entry.kind is Kind.REPORT or (entry.kind is Kind.TICK and entry.domain == "node")), entry.full_name
        assert not any(takes(pattern, entry.subject(other)) for pattern in node(me).publish), entry.full_name


@pytest.mark.parametrize("role", [*catalogue.roles(), node("n1")], ids=lambda role: role.name)
def test_a_role_may_publish_to_nothing_that_does_not_lead_out_of_an_account_without_streams(role: catalogue.Role) -> None:
    if role.account in (*catalogue.WITH_JETSTREAM, catalogue.SYSTEM):
        return
    out = [
        one.local
        for one in catalogue.crossings()
        if (one.user == role.account and one.kind == "service") or (one.owner == role.account and one.kind == "stream")
    ]
    assert [subject for subject in role.publish if not any(takes(pattern, subject) for pattern in out)] == []


def test_nothing_but_the_logs_own_account_may_bring_something_under_the_subject_of_events() -> None:
    into = [one for one in catalogue.crossings() if catalogue.LOG_ACCOUNT in (one.owner, one.user)]
    brought = [one.subject for one in into if (one.kind == "service") == (one.owner == catalogue.LOG_ACCOUNT)]
    assert [subject for subject in brought if subject.split(".")[0] in (">", "*", "evt")] == []
    assert {role.name for role in catalogue.roles() if role.account == catalogue.LOG_ACCOUNT} == {"log"}


def test_no_two_roles_share_a_name_or_an_inbox() -> None:
    everyone = [*catalogue.roles(), node(uuid4()), node(uuid4())]
    assert len({role.name for role in everyone}) == len(everyone)
    for role in everyone:
        assert [s for s in role.subscribe if s.startswith("_INBOX")] == [f"_INBOX_{role.name}.>"]


def test_every_domain_has_one_consumer_on_each_stream_that_it_decides() -> None:
    assert sorted((stream, config["durable_name"]) for stream, config in catalogue.consumers()) == sorted(
        [*((catalogue.command_stream(domain), domain) for domain in DOMAINS), (catalogue.REPORTS, "render")]
    )
    assert {entry.domain for entry in TYPES if entry.kind in (Kind.COMMAND, Kind.REPORT)} == set(DOMAINS)


@pytest.mark.parametrize("replicas", [1, 3])
def test_every_stream_has_as_many_replicas_as_asked_and_only_copies_are_not_synced(replicas: int) -> None:
    for stream in catalogue.streams(replicas):
        copies = stream["name"] in catalogue.COPIES
        assert stream["num_replicas"] == replicas
        assert stream["storage"] == "file"
        assert stream["allow_atomic"] == (not copies)
        assert ("persist_mode" in stream) == (copies and replicas == 1)


def test_what_is_accepted_from_outside_is_never_in_a_stream_of_copies() -> None:
    assert not {catalogue.stream_of(entry) for entry in TYPES if entry.kind is Kind.COMMAND} & catalogue.COPIES


def test_a_stream_that_is_made_anew_begins_at_the_position_asked() -> None:
    assert "first_seq" not in catalogue.events_stream()
    assert catalogue.events_stream(first=501)["first_seq"] == 501


def test_the_feed_repeats_an_events_subject_under_its_own_root() -> None:
    republish = STREAMS[catalogue.EVENTS]["republish"]
    tenant = uuid4()
    assert takes(republish["dest"], f"feed.evt.{tenant}.render.job.started.v1")
    assert takes(catalogue.feed_subject(tenant), f"feed.evt.{tenant}.render.job.started.v1")
    assert not takes(catalogue.feed_subject(tenant), f"feed.evt.{uuid4()}.render.job.started.v1")
    assert takes(catalogue.outcome_subject("edge1"), catalogue.reply_subject("edge1", "17"))


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for entry in value.values() for ref in references(entry)]
    return [ref for entry in value for ref in references(entry)] if isinstance(value, list) else []


@pytest.mark.parametrize("document", [catalogue.json_schema(), catalogue.asyncapi()], ids=["json-schema", "asyncapi"])
def test_every_reference_in_a_generated_document_leads_somewhere(document: dict[str, object]) -> None:
    assert references(document)
    for ref in set(references(document)):
        place: object = document
        for token in ref.removeprefix("#/").split("/"):
            assert isinstance(place, dict)
            assert token in place, ref
            place = place[token]
    json.dumps(document)


def test_the_generated_documents_name_every_message() -> None:
    api = catalogue.asyncapi()
    assert set(api["channels"]) == {entry.full_name for entry in TYPES}
    assert {entry.cls.__name__ for entry in TYPES} <= set(catalogue.json_schema()["$defs"])


@pytest.mark.parametrize("entry", TYPES, ids=name_of)
def test_every_message_says_what_it_means(entry: MessageType) -> None:
    assert entry.cls.__doc__
    assert not entry.cls.__doc__.startswith(f"{entry.cls.__name__}(")


def test_the_webhook_catalogue_holds_the_public_events_and_nothing_else() -> None:
    listed = {entry["type"] for entry in catalogue.webhook_catalogue()}
    assert listed == {f"{entry.name}.v1" for entry in TYPES if entry.public and issubclass(entry.cls, Event)}
    assert "render.job.completed.v1" in listed
    assert "render.node.registered.v1" not in listed
    assert all(entry["description"] and entry["schema"] for entry in catalogue.webhook_catalogue())


def test_every_message_survives_its_journey() -> None:
    for entry in TYPES:
        assert named(entry.full_name) is entry
        assert msgspec.json.schema(entry.cls)
