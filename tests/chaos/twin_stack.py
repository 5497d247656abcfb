"""A stack with a second edge, and with a standby of the consumers and of the log."""

from collections.abc import Sequence
from typing import Any

from adapters.settings import Settings
from deploy.local import ports
from deploy.local.stack import Stack

SECOND = "-2"  # behind the name of the first


class TwinStack(Stack):
    """As `Stack`; `urls` are those of both edges."""

    second_port = 0

    @property
    def urls(self) -> list[str]:
        """Where clients may ask."""
        return [self.url, f"http://127.0.0.1:{self.second_port}"]

    def _edges(self) -> int:
        return 1  # the second has a port of its own, so that a test says which it asks

    def _add(self, name: str, arguments: Sequence[str], settings: Settings, stop: float, **more: Any) -> None:
        super()._add(name, arguments, settings, stop, **more)
        if name == "edge":
            self.second_port = ports.remembered(self.data / "edge-2-port.json", ("edge",))["edge"]
            super()._add(name + SECOND, arguments, settings.model_copy(update={"port": self.second_port}), stop, **more)
        elif name in ("consumers", "log"):
            super()._add(name + SECOND, arguments, settings, stop, **more)


def urls(stack: Stack) -> list[str]:
    """The addresses of a stack's edges."""
    return stack.urls if isinstance(stack, TwinStack) else [stack.url]
