"""What domains and edges tell each other about queues and limits: lossy, of the moment, never stored."""

import msgspec


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """A domain's queue: how many commands of each tenant it has seen and not decided, a long one counting as several; few are left out."""

    most: int  # of one tenant; with more, the edges refuse it what is new
    per_second: float  # decided lately, of all tenants
    tenants: dict[str, int] = {}


class Uses(msgspec.Struct, frozen=True, kw_only=True):
    """What one edge has let through since it said so last, and how many streams it has open, by tenant."""

    edge: str
    requests: dict[str, int] = {}
    streams: dict[str, int] = {}
