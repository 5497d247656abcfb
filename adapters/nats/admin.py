"""Streams and consumers by JetStream's JSON API: made when missing, corrected when they drifted, else left alone."""

import asyncio
from typing import Any, Literal

from adapters.nats.connection import API, ApiError, Connection, StreamError, api

Change = Literal["created", "corrected", "replaced", "same", "removed"]
STREAM_NOT_FOUND = 10059
CONSUMER_NOT_FOUND = 10014
NO_STORE = 10049  # also while the server still removes the files of a stream that had this name
NO_STORE_WITHIN = 2.0  # seconds


async def stream_state(nc: Connection, name: str, *, prefix: str = API) -> dict[str, Any] | None:
    """The stream's `config` and `state`, or None when there is none."""
    return await _info(nc, f"STREAM.INFO.{name}", STREAM_NOT_FOUND, prefix)


async def ensure_stream(nc: Connection, config: dict[str, Any], *, replace: bool = False, prefix: str = API) -> Change:
    """Make the stream be as `config` says; what `config` does not name keeps the server's value. Raises StreamError.

    With `replace` one that cannot be changed in place is removed, with its messages and consumers, and made anew.
    """
    name = config["name"]
    found = await stream_state(nc, name, prefix=prefix)
    if found is None:
        await create_stream(nc, config, prefix=prefix)
        return "created"
    # The first sequence belongs to a stream's birth; the server reports it only there and refuses to change it.
    wanted = {key: value for key, value in config.items() if key != "first_seq"}
    if not _drift(wanted, found["config"]):
        return "same"
    try:
        await _corrected(nc, f"STREAM.UPDATE.{name}", found["config"] | wanted, f"stream {name}", prefix)
    except StreamError as error:
        if not replace or not isinstance(error.__cause__, ApiError):
            raise
        await api(nc, f"STREAM.DELETE.{name}", prefix=prefix)
        await create_stream(nc, config, prefix=prefix)
        return "replaced"
    return "corrected"


async def create_stream(nc: Connection, config: dict[str, Any], *, prefix: str = API) -> None:
    """Make a stream, if need be a moment after one of its name was removed. Raises StreamError."""
    give_up = asyncio.get_running_loop().time() + NO_STORE_WITHIN
    while True:
        try:
            await api(nc, f"STREAM.CREATE.{config['name']}", config, prefix=prefix)
        except ApiError as error:
            if error.number != NO_STORE or asyncio.get_running_loop().time() > give_up:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def ensure_consumer(nc: Connection, stream: str, config: dict[str, Any], *, prefix: str = API) -> Change:
    """Make the durable pull consumer be as `config` says, keeping its place in the stream. Raises StreamError."""
    name = config["durable_name"]
    found = await _info(nc, f"CONSUMER.INFO.{stream}.{name}", CONSUMER_NOT_FOUND, prefix)
    request = {"stream_name": stream, "config": config, "action": "create"}
    if found is None:
        await api(nc, f"CONSUMER.CREATE.{stream}.{name}", request, prefix=prefix)
        return "created"
    if not _drift(config, found["config"]):
        return "same"
    merged = {"stream_name": stream, "config": found["config"] | config, "action": "update"}
    await _corrected(nc, f"CONSUMER.CREATE.{stream}.{name}", merged, f"consumer {name} on stream {stream}", prefix)
    return "corrected"


async def _info(nc: Connection, request: str, not_found: int, prefix: str = API) -> dict[str, Any] | None:
    try:
        return await api(nc, request, prefix=prefix)
    except ApiError as error:
        if error.number == not_found:
            return None
        raise


async def _corrected(nc: Connection, request: str, body: dict[str, Any], what: str, prefix: str = API) -> None:
    try:
        await api(nc, request, body, prefix=prefix)
    except ApiError as error:
        raise StreamError(f"the {what} differs from the catalogue and cannot be changed in place: {error}") from error


def _drift(wanted: Any, found: Any) -> bool:
    """Whether something wanted is otherwise; an empty value and a missing one are the same, as the server leaves empty ones out."""
    if isinstance(wanted, dict):
        there = found if isinstance(found, dict) else {}
        return any(_drift(value, there.get(key)) for key, value in wanted.items())
    return bool(wanted or found) and wanted != found
