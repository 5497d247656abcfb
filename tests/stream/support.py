"""What the tests of this folder share besides fixtures."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from uuid import UUID

from adapters.nats import ApiError, Connection, api
from tests.support.password import PASSWORD

NODE = UUID("11111111-1111-4111-8111-111111111111")
OTHER_NODE = UUID("22222222-2222-4222-8222-222222222222")

Login = Callable[[str], Awaitable[Connection]]


def settings(url: str, user: str, password: str = PASSWORD) -> SimpleNamespace:
    """What `connect` needs."""
    return SimpleNamespace(nats_url=url, nats_user=user, nats_password=password)


async def delete_stream(nc: Connection, name: str) -> None:
    """Remove a stream, as a disaster would."""
    try:
        await api(nc, f"STREAM.DELETE.{name}")
    except ApiError as error:
        if error.code != 404:
            raise
