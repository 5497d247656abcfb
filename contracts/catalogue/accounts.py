"""The accounts of NATS, between which nothing passes but what is listed here: subjects, replies, JetStream, all of it."""

from typing import Literal

import msgspec

from contracts.catalogue.subjects import (
    EVENTS,
    WORK,
    feed_subject,
    node_tick_subject,
    outbox_hint_subject,
    report_subject,
    tick_subject,
)

SERVICES = "FLATRENDER"  # the edge, the domains, node auth; command streams, WORK, REPORTS
LOG_ACCOUNT = "LOG"  # the sequencer and EVENTS: nobody else's message or reply subject reaches `evt.>`
NODES = "NODES"  # render nodes; no JetStream of its own, so that a reply subject of theirs is stored nowhere
VIEWERS = "VIEWERS"  # who only looks
DEPLOY = "DEPLOY"  # the step that makes the streams of both
CHECK = "CHECK"  # the standing check, which reads EVENTS and nothing else
SYSTEM = "SYSTEM"  # from which the server itself is steered
ACCOUNTS = (SERVICES, LOG_ACCOUNT, NODES, VIEWERS, DEPLOY, CHECK, SYSTEM)
WITH_JETSTREAM = frozenset({SERVICES, LOG_ACCOUNT})

API = "$JS.API"
SERVICES_API, LOG_API = "services.api", "log.api"
"""Under which prefix other accounts reach JetStream's API of these two, as far as it is let out.

Not under `$JS.API`: there the server itself answers each account, one without JetStream with a refusal.
"""


_PREFIX = {SERVICES: SERVICES_API, LOG_ACCOUNT: LOG_API}


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """What `owner` lets `user` have: a service takes requests and answers them, a stream is heard."""

    kind: Literal["service", "stream"]
    subject: str  # in the owner's account
    owner: str
    user: str
    to: str = ""  # the subject in the user's account, if another
    many: bool = False  # a service that answers with more than one message

    @property
    def local(self) -> str:
        """The subject in the user's account."""
        return self.to or self.subject


def crossings() -> list[Crossing]:
    """Every one of them."""
    return [*_of_nodes(), *_of_the_log(), *_of_viewers(), *_of_deploy(), *_of_the_check()]


def api_of(stream: str, account: str) -> str:
    """The prefix under which somebody in this account asks JetStream about this stream."""
    owner = account_of(stream)
    return API if account == owner else _PREFIX[owner]


def account_of(stream: str) -> str:
    """The account in which a stream lies."""
    return LOG_ACCOUNT if stream == EVENTS else SERVICES


def _of_nodes() -> list[Crossing]:
    return [
        _service(SERVICES, NODES, f"{API}.CONSUMER.MSG.NEXT.{WORK}.*", many=True),
        _service(SERVICES, NODES, f"$JS.ACK.{WORK}.>", many=True),
        _service(SERVICES, NODES, report_subject("*")),
        _stream(NODES, SERVICES, node_tick_subject("*")),
    ]


def _of_the_log() -> list[Crossing]:
    verbs = ("CREATE", "INFO", "DELETE", "MSG.NEXT")
    requests = [
        f"STREAM.INFO.{EVENTS}",
        f"STREAM.MSG.GET.{EVENTS}",
        f"DIRECT.GET.{EVENTS}",
        *(f"CONSUMER.{verb}.{EVENTS}.>" for verb in verbs),
    ]
    several = ("DIRECT.GET", "CONSUMER.MSG.NEXT")
    return [
        *(_api(LOG_ACCOUNT, SERVICES, request, many=request.startswith(several)) for request in requests),
        _stream(LOG_ACCOUNT, SERVICES, feed_subject()),
        _stream(SERVICES, LOG_ACCOUNT, outbox_hint_subject()),
    ]


def _of_viewers() -> list[Crossing]:
    looks = ("INFO", "STREAM.INFO.*", "STREAM.NAMES", "STREAM.LIST", "CONSUMER.INFO.*.*", "CONSUMER.LIST.*")
    return [
        *(_api(owner, VIEWERS, request) for owner in (SERVICES, LOG_ACCOUNT) for request in looks),
        _stream(LOG_ACCOUNT, VIEWERS, feed_subject()),
        _stream(SERVICES, VIEWERS, tick_subject("*")),
        _stream(NODES, VIEWERS, node_tick_subject("*")),
    ]


def _of_deploy() -> list[Crossing]:
    verbs = ("INFO", "CREATE", "UPDATE", "DELETE")
    requests = [*(f"STREAM.{verb}.*" for verb in verbs), *(f"CONSUMER.{verb}.*.*" for verb in ("INFO", "CREATE", "DELETE"))]
    return [
        *(_api(SERVICES, DEPLOY, request) for request in requests),
        *(_api(LOG_ACCOUNT, DEPLOY, f"STREAM.{verb}.{EVENTS}") for verb in verbs),
    ]


def _of_the_check() -> list[Crossing]:
    requests = (f"STREAM.INFO.{EVENTS}", *(f"CONSUMER.{verb}.{EVENTS}.>" for verb in ("CREATE", "MSG.NEXT")))
    return [_api(LOG_ACCOUNT, CHECK, request, many=request.startswith("CONSUMER.MSG.NEXT")) for request in requests]


def _api(owner: str, user: str, request: str, *, many: bool = False) -> Crossing:
    crossing = _service(owner, user, f"{API}.{request}", many=many)
    return msgspec.structs.replace(crossing, to=f"{_PREFIX[owner]}.{request}")


def _service(owner: str, user: str, subject: str, *, many: bool = False) -> Crossing:
    return Crossing(kind="service", subject=subject, owner=owner, user=user, many=many)


def _stream(owner: str, user: str, subject: str) -> Crossing:
    return Crossing(kind="stream", subject=subject, owner=owner, user=user)
