"""Writes the configuration of nats-server: users with permissions per role, the gate, JetStream that syncs every write, monitoring."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from contracts.catalogue import ACCOUNT, Role

SYSTEM_ACCOUNT = "SYSTEM"
ASKING = 1.5  # seconds that the server waits for a login's password, and for the answer whether a node may come in


@dataclass(frozen=True)
class NatsRole:
    """One user: the subjects it may publish to and subscribe to (NATS wildcards; `">"` is everything, an empty list is nothing)."""

    name: str
    password: str
    publish: Sequence[str] = ()
    subscribe: Sequence[str] = ()
    # Lets a service answer a request on whatever inbox the request names.
    allow_responses: bool = False
    # Belongs to the account from which the server itself is steered.
    system: bool = False

    @classmethod
    def of(cls, role: Role, password: str) -> Self:
        """A role of the catalogue with its password."""
        return cls(role.name, password, role.publish, role.subscribe, role.allow_responses, role.system)


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
        "accounts {",
        f"  {ACCOUNT} {{",
        "    jetstream: enabled",
        "    users: [",
        *(line for role in config.roles if not role.system for line in _user(role)),
        "    ]",
        "  }",
        f"  {SYSTEM_ACCOUNT} {{",
        "    users: [",
        *(line for role in config.roles if role.system for line in _user(role)),
        "    ]",
        "  }",
        "}",
        f"system_account: {SYSTEM_ACCOUNT}",
        *(_callout(config) if config.issuer else []),
    ]
    return "\n".join(lines) + "\n"


def _user(role: NatsRole) -> list[str]:
    return [
        "      {",
        f"        user: {_quoted(role.name)}",
        f"        password: {_quoted(role.password)}",
        "        permissions {",
        f"          publish {{ {_grant(role.publish)} }}",
        f"          subscribe {{ {_grant(role.subscribe)} }}",
        *(["          allow_responses: true"] if role.allow_responses else []),
        "        }",
        "      }",
    ]


def _callout(config: NatsConfig) -> list[str]:
    """Whoever is no user of this configuration is asked for at the gate; its users never depend on that."""
    return [
        "authorization {",
        f"  timeout: {ASKING}",
        "  auth_callout {",
        f"    issuer: {_quoted(config.issuer)}",
        f"    account: {ACCOUNT}",
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
