"""Who may publish and subscribe to what: one NATS user per part of the product, and one per node, each in its account."""

from uuid import UUID

import msgspec

from contracts.catalogue.accounts import API, CHECK, DEPLOY, LOG_ACCOUNT, NODES, SERVICES, SYSTEM, VIEWERS, crossings
from contracts.catalogue.subjects import (
    EVENTS,
    WORK,
    all_events_subject,
    decided_streams,
    domain_waits_subject,
    feed_subject,
    node_tick_subject,
    outbox_hint_subject,
    outcome_subject,
    own_tick_subjects,
    progress_subject,
    report_subject,
    revocations_subject,
    undecided_subject,
    uses_subject,
    whole_subject,
)
from contracts.domains import DOMAINS, LOG, declared
from contracts.message import Kind

AUTH = "$SYS.REQ.USER.AUTH"  # where nats-server asks who may come in


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """One NATS user: what it may publish to and subscribe to, its own inbox `_INBOX_<name>` included."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    allow_responses: bool = False  # may answer a request on whatever inbox the request names
    account: str = SERVICES
    beside: str = ""  # the domain in whose consumers' processes a service is this user


def roles() -> list[Role]:
    """Every role but the nodes'."""
    return [edge(), *(domain(name) for name in DOMAINS), log(), provision(), viewer(), check(), gate(), system()]


def users_of(name: str) -> tuple[str, ...]:
    """The users that a process is which consumes for a domain: the domain's own, and those of the services beside it."""
    return (name, *(role.name for role in roles() if role.beside == name))


def edge() -> Role:
    """The HTTP edge: sends every domain's commands, hears outcomes, the feed and progress, and what the other edges let through."""
    commands = tuple(f"{Kind.COMMAND}.*.{name}.>" for name in DOMAINS)
    hears = (outcome_subject("*"), feed_subject(), progress_subject(), domain_waits_subject(), undecided_subject(), uses_subject())
    return _role("edge", (*commands, uses_subject(), *_reading_events()), hears)


def domain(name: str) -> Role:
    """A domain's consumer: takes its own commands, reads all events, answers, sends commands to itself only; and what else it declares."""
    says = (outcome_subject("*"), outbox_hint_subject(), domain_waits_subject(name), undecided_subject(name))
    publish = [f"{Kind.COMMAND}.*.{name}.>", *says, *_reading_events()]
    for stream in decided_streams(name):
        publish += [f"{API}.CONSUMER.{verb}.{stream}.{name}" for verb in ("MSG.NEXT", "INFO")]
        publish += [f"$JS.ACK.{stream}.{name}.>", f"{API}.STREAM.PURGE.{stream}"]
    publish += [*map(whole_subject, declared(name).sends), *own_tick_subjects(name)]
    return _role(name, tuple(publish), (feed_subject(), *map(whole_subject, declared(name).hears)))


def log() -> Role:
    """The sequencer: the only role that may publish events; it makes their stream anew when that was lost."""
    api = (
        f"{API}.STREAM.INFO.{EVENTS}",
        f"{API}.STREAM.CREATE.{EVENTS}",
        f"{API}.STREAM.DELETE.{EVENTS}",
        f"{API}.STREAM.MSG.GET.{EVENTS}",
    )
    return _role(LOG, (all_events_subject(), *api), (outbox_hint_subject(),), LOG_ACCOUNT)


def node(node_id: UUID | str) -> Role:
    """One render node: its own work, its own reports and its own ticks."""
    own = (report_subject(node_id), node_tick_subject(node_id))
    pull = (f"{API}.CONSUMER.MSG.NEXT.{WORK}.{node_id}", f"$JS.ACK.{WORK}.{node_id}.>")
    return _role(f"node-{node_id}", (*own, *pull), (), NODES)


def node_of(user: str) -> UUID | None:
    """The node that a user's name names."""
    kind, _, text = user.partition("-")
    try:
        node_id = UUID(text)
    except ValueError:
        return None
    return node_id if kind == "node" and str(node_id) == text else None


def gate() -> Role:
    """Lets enrolled nodes in: the server asks it; it makes the consumer of each, and hears which are revoked."""
    consumers = tuple(f"{API}.CONSUMER.{verb}.{WORK}.*" for verb in ("INFO", "CREATE", "DELETE"))
    role = _role("gate", consumers, (AUTH, revocations_subject()))
    return msgspec.structs.replace(role, allow_responses=True, beside="render")


def system() -> Role:
    """Looks which connections there are, and ends those of revoked nodes."""
    requests = tuple(f"$SYS.REQ.SERVER.*.{verb}" for verb in ("CONNZ", "KICK"))
    return msgspec.structs.replace(_role("system", requests, (), SYSTEM), beside="render")


def provision() -> Role:
    """The deploy step that makes streams and consumers."""
    return _role("provision", _let_in(DEPLOY, "service"), (), DEPLOY)


def viewer() -> Role:
    """An operator's eyes: events, telemetry and the state of streams; changes nothing."""
    return _role("viewer", _let_in(VIEWERS, "service"), _let_in(VIEWERS, "stream"), VIEWERS)


def check() -> Role:
    """The standing check: reads EVENTS, in an account in which no reply of its reaches anybody."""
    return _role("check", _let_in(CHECK, "service"), (), CHECK)


def _let_in(account: str, kind: str) -> tuple[str, ...]:
    """All that this account gets of the others."""
    return tuple(dict.fromkeys(one.local for one in crossings() if one.user == account and one.kind == kind))


def _reading_events() -> list[str]:
    """Reading the window on the log from any place, with consumers of one's own."""
    return list(_let_in(SERVICES, "service"))


def _role(name: str, publish: tuple[str, ...], subscribe: tuple[str, ...], account: str = SERVICES) -> Role:
    return Role(name=name, publish=publish, subscribe=(f"_INBOX_{name}.>", *subscribe), account=account)
