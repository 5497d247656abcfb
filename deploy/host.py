"""FastStream's part: it hosts a process, by lifespan and signals; what subscribes through it goes over a connection of ours."""

from types import TracebackType

from faststream.nats import NatsBroker

from adapters.nats import Connection


class HostedBroker(NatsBroker):
    """FastStream's broker without a connection of its own; `nc` is to be given before the application starts its brokers."""

    def __init__(self) -> None:
        super().__init__(logger=None)
        self.nc: Connection | None = None

    async def _connect(self) -> Connection:
        if self.nc is None:
            raise RuntimeError("FastStream's broker begins before there is a connection for it")
        self.config.connect(self.nc)
        return self.nc

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """End the subscriptions that were made through it; FastStream would drain the connection too, which is its maker's to close."""
        self._connection = None
        await super().stop(exc_type, exc_val, exc_tb)
