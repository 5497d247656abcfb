"""What checks of promises need: a Broken promise, and a domain without a broker."""

import asyncio
from types import SimpleNamespace
from typing import Any

from consumers.runtime.runtime import Runtime
from tests.support.in_process import InProcessDomains


class Broken(Exception):
    """A promise does not hold; the text says where."""


def hold(condition: object, otherwise: str) -> None:
    """Raises Broken unless the condition holds."""
    if not condition:
        raise Broken(otherwise)


class Wire:
    """Stands for the broker: keeps what is answered to messages, and delivers nothing."""

    is_connected = True
    floor = 0

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    async def publish(self, subject: str, body: bytes = b"", **_: Any) -> None:
        """Note an acknowledgement."""
        if subject == "answer":
            self.answers.append(body)

    def send_now(self, messages: Any) -> None:
        """Note acknowledgements."""
        self.answers += [body for subject, body, _, _ in messages if subject == "answer"]

    def message(self) -> Any:
        """Something to be acknowledged."""
        return SimpleNamespace(_client=self, reply="answer")

    async def next(self, limit: int, wait: float) -> list[Any]:
        """No command comes."""
        await asyncio.sleep(wait)
        return []

    async def close(self) -> None:
        """Nothing is on its way."""


def runtime_of(in_process: InProcessDomains, domain: str, wire: Wire, connect: Any = None) -> Runtime:
    """A domain's loop without a broker."""
    return Runtime(in_process.domains[domain], wire, connect, [wire], None)  # type: ignore[arg-type]
