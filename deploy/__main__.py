"""`python -m deploy edge`, `… consume [DOMAIN…]` and `… check`: one process each, configured by FLATRENDER_… variables."""

import asyncio
import contextlib
import sys

from adapters.settings import Settings


def edge(settings: Settings) -> None:
    """Serve HTTP until told to stop."""
    import uvloop

    from api_edge.main import serve

    async def until_stopped() -> None:
        import signal

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await serve(settings, lambda url: print(f"the edge listens at {url}", flush=True))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())


def main(arguments: list[str]) -> int:
    """Run one process of the product."""
    what, *names = arguments or [""]
    if what == "edge":
        edge(Settings())
        return 0
    if what == "consume":
        from deploy.consume import consume

        consume(Settings(), names)
        return 0
    if what == "check":
        from deploy.check.background import run

        run(Settings())
        return 0
    print("usage: python -m deploy edge | consume [DOMAIN…] | check", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
