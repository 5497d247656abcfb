"""Domains that can decide nothing just now: they say so each second, and what is meant for them is refused at once."""

from time import monotonic

from nats.aio.msg import Msg

from api_edge.errors import Refused

FORGOTTEN = 3.0  # seconds after its last word that a domain counts as working


class StalledDomains:
    """Which domains said lately that they wait."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    async def hear(self, msg: Msg) -> None:
        """The callback for `waits.<domain>`."""
        self._heard[msg.subject.rpartition(".")[2]] = monotonic()

    def refuse(self, domain: str) -> None:
        """Raises Refused (503) when the domain waits."""
        if self._heard and monotonic() - self._heard.get(domain, float("-inf")) < FORGOTTEN:
            detail = f"The {domain} service cannot work at the moment; nothing was taken."
            raise Refused(f"unavailable.{domain}", detail, headers={"Retry-After": "3"})
