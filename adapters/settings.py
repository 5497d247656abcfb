"""Where the foreign systems are and how each process logs in, read from FLATRENDER_… variables."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One process's settings; `deploy.local` fills them for each child, an operator fills them for a cluster."""

    model_config = SettingsConfigDict(env_prefix="FLATRENDER_", extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str = ""
    nats_password: SecretStr = SecretStr("")
    nats_passwords: dict[str, SecretStr] = {}  # a process that is several roles: {"role": "password"}; the others have nats_password
    nats_public_url: str = ""  # where nodes reach the broker, if elsewhere than nats_url
    nats_issuer: SecretStr = SecretStr("")  # seed (SA…) of the key by which nats-server knows who lets enrolled nodes in

    pg_dsn: str = ""  # postgresql://host:port/database, without user
    pg_password: SecretStr = SecretStr("")
    pg_passwords: dict[str, SecretStr] = {}  # the same for PostgreSQL: {"render_app": "password"}

    pg_pool: int = 12  # connections that a process of consumers has at most, beside those that hold its domains' locks

    s3_url: str = ""
    s3_bucket: str = "flatrender"
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_public_url: str = ""  # where clients and nodes reach the store, if elsewhere than s3_url

    log_days: Annotated[float, Field(ge=31)] = 90  # that events stay in the log's table, at least; requests' keys are remembered for 30

    health_seconds: float = 10.0  # between two rows of a node's health
    health_months: int = 3  # that nodes' health is kept beside the current one

    scrub_rate: float = 2e6  # bytes of stored segments that are read again in a second, to find those that rot; 0 = none
    scrub_every: float = 86_400.0  # seconds between the beginnings of two rounds over all of them, at the least

    check_every: float = 60.0  # seconds between two runs of the standing check; 0 = none

    secret: SecretStr = SecretStr("")  # signs operation ids and derives API keys' secrets; the edge's own
    secret_version: int = 1  # counts the secrets: one more each time that it is changed, 255 at the most
    secret_before: SecretStr = SecretStr("")  # the one before, of the version before; keep it for 30 days after a change
    old_keys_days: int = 365  # days after its creation by which an API key of the first format (`fr_…`) is to be replaced
    metrics_host: str = "127.0.0.1"  # where consumers show their metrics …
    metrics_port: int = 0  # … as text at /metrics; 0 = nowhere. Each process has a port of its own: with `up`, the log has the next one
    host: str = "127.0.0.1"
    port: int = 0  # 0 = any free port
    port_shared: bool = False  # whether other edges of this installation listen on the same port (Linux): it then listens once it is ready
    edges: int = 0  # edges that `up` starts on one port; 0 = one for each four cores, at most 3 (one where ports cannot be shared)

    url: str = ""  # the edge, where a node joins and asks whether it was revoked
    node_join: SecretStr = SecretStr("")  # the join token of a node that has no identity yet
    node_id: str = ""  # of a node whose user was made by hand; one that joined has its own in its data folder
    node_name: str = ""
    node_slots: int = 1
    node_fonts: str = ""  # font families on the machine, with commas; added to what fontconfig knows
    node_labels: str = ""  # words by which renders may ask for this node, with commas
    # The share of each segment's frames that a node draws a second time in a fresh process and compares, at least one; 0 = none.
    node_twice: Annotated[float, Field(ge=0, le=1)] = 1 / 30
    alive: str = ""  # a file that this process touches each second, for whoever starts it again when it freezes
    data: Path = Path("flatrender-data")  # a node's cache and spool

    def as_nats(self, role: str) -> "Settings":
        """These settings with the NATS user of one role, and its password."""
        return self.model_copy(update={"nats_user": role, "nats_password": self.nats_passwords.get(role, self.nats_password)})

    def pg_password_of(self, role: str) -> str:
        """The password of one of PostgreSQL's roles."""
        return self.pg_passwords.get(role, self.pg_password).get_secret_value()
