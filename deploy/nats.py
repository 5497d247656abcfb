"""Writes the configuration of nats-server: accounts and what passes between them, users with permissions, node auth, JetStream."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from contracts.catalogue import ACCOUNTS, SERVICES, SYSTEM, WITH_JETSTREAM, Crossing, Role, crossings, roles

ASKING = 1.5  # seconds that the server waits for a login's password, and for the answer whether a node may come in
# How long the server keeps the way back of a request with several answers after the last of them: a pull hears a heartbeat every 4 seconds.
ANSWERS_END = "30s"


@dataclass(frozen=True)
class NatsRole:
    """One user: the subjects it may publish to and subscribe to (NATS wildcards; `">"` is everything, an empty list is nothing)."""

    name: str
    password: str
    publish: Sequence[str] = ()
    subscribe: Sequence[str] = ()
    # Lets a service answer a request on whatever inbox the request names.
    allow_responses: bool = False
    account: str = SERVICES

    @classmethod
    def of(cls, role: Role, password: str) -> Self:
        """A role of the catalogue with its password."""
        return cls(role.name, password, role.publish, role.subscribe, role.allow_responses, role.account)


@dataclass(frozen=True)
class NatsConfig:
    """What one nats-server needs to know; ports are on 127.0.0.1 unless `host` says otherwise, sizes are in bytes."""

    store: Path
    client_port: int
    monitor_port: int
    roles: Sequence[NatsRole] = field(default_factory=tuple)
    host: str = "127.0.0.1"
    server_name: str = "flatrender"
    max_memory_store: int = 256 * 1024**2
    max_file_store: int = 64 * 1024**3
    # The public nkey (A…) by which the server knows the answers of the role `gate`; without it only these roles may come in.
    issuer: str = ""


def render(config: NatsConfig) -> str:
    """The text of nats-server.conf. Raises ValueError for a role that is named twice or has no password."""
    _refuse_bad_roles(config.roles)
    # Every key stands on a line of its own: in one line nats-server takes two keys without a comma as one value.
    lines = [
        f"server_name: {_quoted(config.server_name)}",
        f"listen: {_quoted(f'{config.host}:{config.client_port}')}",
        f"http: {_quoted(f'127.0.0.1:{config.monitor_port}')}",
        "jetstream {",
        f"  store_dir: {_quoted(str(config.store))}",
        "  sync_interval: always",
        f"  max_memory_store: {config.max_memory_store}",
        f"  max_file_store: {config.max_file_store}",
        "}",
        *accounts(config.roles),
        *(_callout(config) if config.issuer else []),
    ]
    return "\n".join(lines) + "\n"


def accounts(users: Sequence[NatsRole], password: Callable[[NatsRole], str] = lambda role: _quoted(role.password)) -> list[str]:
    """The lines of all accounts with these users; `password` is what stands there for one's password."""
    lines = ["accounts {"]
    for account in ACCOUNTS:
        lines += [
            f"  {account} {{",
            *(["    jetstream: enabled"] if account in WITH_JETSTREAM else []),
            "    exports: [",
            *(f"      {_export(crossing)}" for crossing in _exported(account)),
            "    ]",
            "    imports: [",
            *(f"      {_import(crossing)}" for crossing in crossings() if crossing.user == account),
            "    ]",
            "    users: [",
            *(line for role in users if role.account == account for line in _user(role, password(role))),
            "    ]",
            "  }",
        ]
    return [*lines, "}", f"system_account: {SYSTEM}"]


def for_an_operator() -> str:
    """The accounts with every role of the catalogue, for servers that somebody else runs: passwords are the server's own variables."""
    users = [NatsRole.of(role, "") for role in roles()]
    return "\n".join(accounts(users, lambda role: f"$NATS_{role.name.upper()}"))


def _exported(account: str) -> list[list[Crossing]]:
    """What an account lets out, each subject once with all who may have it."""
    found: dict[tuple[str, str], list[Crossing]] = {}
    for crossing in crossings():
        if crossing.owner == account:
            found.setdefault((crossing.kind, crossing.subject), []).append(crossing)
    return list(found.values())


def _export(same: list[Crossing]) -> str:
    one, users = same[0], ", ".join(crossing.user for crossing in same)
    several = any(crossing.many for crossing in same)
    more = f", response_type: stream, response_threshold: {_quoted(ANSWERS_END)}" if several else ""
    return f"{{ {one.kind}: {_quoted(one.subject)}, accounts: [{users}]{more} }}"


def _import(crossing: Crossing) -> str:
    to = f", to: {_quoted(crossing.to)}" if crossing.to else ""
    return f"{{ {crossing.kind}: {{ account: {crossing.owner}, subject: {_quoted(crossing.subject)} }}{to} }}"


def _user(role: NatsRole, password: str) -> list[str]:
    return [
        "      {",
        f"        user: {_quoted(role.name)}",
        f"        password: {password}",
        "        permissions {",
        f"          publish {{ {_grant(role.publish)} }}",
        f"          subscribe {{ {_grant(role.subscribe)} }}",
        *(["          allow_responses: true"] if role.allow_responses else []),
        "        }",
        "      }",
    ]


def _callout(config: NatsConfig) -> list[str]:
    """Whoever is no user of this configuration is asked for at node auth; its users never depend on that."""
    return [
        "authorization {",
        f"  timeout: {ASKING}",
        "  auth_callout {",
        f"    issuer: {_quoted(config.issuer)}",
        f"    account: {SERVICES}",
        f"    auth_users: [{', '.join(_quoted(role.name) for role in config.roles)}]",
        "  }",
        "}",
    ]


def _grant(subjects: Sequence[str]) -> str:
    # An empty allow list would mean "everything" to nats-server, so nothing has to be said as a denial.
    if not subjects:
        return 'deny: [">"]'
    return f"allow: [{', '.join(_quoted(subject) for subject in subjects)}]"


def _quoted(text: str) -> str:
    # nats-server reads the escapes of JSON's ASCII subset; anything else it takes as it stands, so control characters are refused.
    if any(ord(character) < 0x20 for character in text):
        raise ValueError(f"a control character cannot stand in the configuration of nats-server: {text!r}")
    return json.dumps(text, ensure_ascii=False)


def _refuse_bad_roles(roles: Sequence[NatsRole]) -> None:
    names = [role.name for role in roles]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"these NATS users are declared twice: {', '.join(twice)}")
    for role in roles:
        if not role.name or not role.password:
            raise ValueError(f"the NATS user {role.name!r} needs a name and a password")
