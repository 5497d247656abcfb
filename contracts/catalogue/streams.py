"""The streams and durable consumers as JetStream's JSON API takes them; times in nanoseconds, sizes in bytes."""

from typing import Any
from uuid import UUID

from contracts.catalogue.subjects import (
    COPIES,
    EVENTS,
    REPORTS,
    WORK,
    all_events_subject,
    command_stream,
    command_subject,
    decided_streams,
    feed_subject,
    report_subject,
    work_subject,
)
from contracts.domains import DOMAINS

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
GIB = 1024**3
LARGEST_MESSAGE = 128 * 1024  # a body of 64 KB and its headers, with room
ACK_WAIT = 5 * SECOND  # what a dead process held comes to its successor after this; a repeat is found in the inbox

Config = dict[str, Any]


def streams(replicas: int = 1) -> list[Config]:
    """Every stream; `replicas` is 1 on one machine, 3 on a cluster."""
    return [*(_commands(domain, replicas) for domain in DOMAINS), events_stream(replicas), _work(replicas), _reports(replicas)]


def consumers() -> list[tuple[str, Config]]:
    """Every durable consumer that does not belong to a node, with its stream."""
    # Without a bound on what is unacknowledged: commands of a parked type are given back by the thousand, and must not stop the others.
    return [(stream, _durable(domain, max_ack_pending=-1)) for domain in DOMAINS for stream in decided_streams(domain)]


def node_consumer(node: UUID | str) -> tuple[str, Config]:
    """The durable consumer of one node, with its stream; it begins with what is sent after it was made."""
    return WORK, _durable(str(node), filter_subject=work_subject(node), deliver_policy="new", max_ack_pending=64)


def events_stream(replicas: int = 1, first: int = 1) -> Config:
    """The window on the log; `first` is the position it begins with when it is made anew."""
    config = _copy(EVENTS, [all_events_subject()], replicas, max_age=7 * DAY, max_bytes=8 * GIB)
    config["republish"] = {"src": all_events_subject(), "dest": feed_subject().replace(".*.>", ".>")}
    # Ids of messages say which one must stand before, not which came already.
    config["duplicate_window"] = SECOND // 10
    # The window's order is the log's; nobody may take single messages out of it.
    config |= {"deny_delete": True, "deny_purge": True}
    if first > 1:
        config["first_seq"] = first
    return config


def _commands(domain: str, replicas: int) -> Config:
    # A full queue refuses what is new: the caller is told, and nothing that was accepted is lost. What was acknowledged is removed by
    # the domain's PullConsumer, many at a time: the retention "workqueue" syncs for each (measured: 1,900 acks/s instead of 19,000).
    return _stream(command_stream(domain), [command_subject(domain)], replicas, retention="limits", discard="new", max_bytes=2 * GIB)


def _work(replicas: int) -> Config:
    return _copy(WORK, [work_subject("*")], replicas, max_age=10 * MINUTE, max_bytes=GIB)


def _reports(replicas: int) -> Config:
    return _copy(REPORTS, [report_subject("*")], replicas, discard="new", max_bytes=2 * GIB)


def _copy(name: str, subjects: list[str], replicas: int, **more: Any) -> Config:
    """A stream of COPIES: on one server it is written without waiting for the disk, which the server allows to no replicated stream."""
    return _stream(name, subjects, replicas, retention="limits", **more) | ({"persist_mode": "async"} if replicas == 1 else {})


def _stream(name: str, subjects: list[str], replicas: int, **more: Any) -> Config:
    config = {
        "name": name,
        "subjects": subjects,
        "storage": "file",
        "num_replicas": replicas,
        "discard": "old",
        "max_msg_size": LARGEST_MESSAGE,
        "allow_atomic": name not in COPIES,
        "allow_direct": True,
    }
    return config | more


def _durable(name: str, **more: Any) -> Config:
    config = {
        "durable_name": name,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": ACK_WAIT,
        "max_deliver": -1,  # how often is tried is decided by the runtime, which can say why it gives up
        "max_waiting": 64,
    }
    return config | more
