"""All that follows from the declared messages: subjects, streams, permissions and references. Derived, never added to by hand."""

# Every declaring module is imported here, so that the registry is complete wherever the catalogue is used.
from contracts import audit, content, enrolment, farm, file_mgr, identity, node, notification, render, repair, studio  # noqa: F401
from contracts.catalogue.references import asyncapi, json_schema, webhook_catalogue
from contracts.catalogue.roles import ACCOUNT, AUTH, Role, node_of, roles
from contracts.catalogue.roles import node as node_role
from contracts.catalogue.streams import consumers, events_stream, node_consumer, streams
from contracts.catalogue.subjects import (
    COPIES,
    EVENTS,
    WORK,
    all_events_subject,
    command_stream,
    command_subjects,
    domains,
    feed_of_jobs,
    feed_subject,
    heartbeat_subject,
    outbox_hint_subject,
    outcome_subject,
    part_tick_subject,
    progress_subject,
    reply_subject,
    report_subject,
    revocations_subject,
    stream_of,
    tick_subject,
    work_subject,
)

__all__ = [
    "ACCOUNT",
    "AUTH",
    "COPIES",
    "EVENTS",
    "WORK",
    "Role",
    "all_events_subject",
    "asyncapi",
    "command_stream",
    "command_subjects",
    "consumers",
    "domains",
    "events_stream",
    "feed_of_jobs",
    "feed_subject",
    "heartbeat_subject",
    "json_schema",
    "node_consumer",
    "node_of",
    "node_role",
    "outbox_hint_subject",
    "outcome_subject",
    "part_tick_subject",
    "progress_subject",
    "reply_subject",
    "report_subject",
    "revocations_subject",
    "roles",
    "stream_of",
    "streams",
    "tick_subject",
    "webhook_catalogue",
    "work_subject",
]
