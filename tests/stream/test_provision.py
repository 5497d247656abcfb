"""Provisioning against the real server: complete, repeatable, and it corrects what drifted."""

import pytest

from adapters.nats import Connection, ConnectRefused, NoAnswer, StreamError, api, connect, ensure_stream, stream_state
from contracts.catalogue import EVENTS, LOG_API, SERVICES, WORK, api_of, command_stream, consumers, streams
from deploy.local.servers import Servers
from deploy.provision import provision
from tests.stream.support import Login, settings

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def configuration(nc: Connection) -> dict[str, object]:
    found: dict[str, object] = {}
    for stream in streams():
        name = stream["name"]
        state = await stream_state(nc, name, prefix=api_of(name, SERVICES))
        assert state
        found[name] = state["config"]
    for name, consumer in consumers():
        found[f"{name}/{consumer['durable_name']}"] = (await api(nc, f"CONSUMER.INFO.{name}.{consumer['durable_name']}"))["config"]
    return found


async def test_running_it_twice_changes_nothing(admin: Connection, login: Login) -> None:
    before = await configuration(admin)
    done = await provision(await login("provision"))
    assert set(done.values()) == {"same"}
    assert len(done) == len(streams()) + len(consumers())
    assert await configuration(admin) == before


async def test_what_drifted_is_corrected_and_messages_stay(admin: Connection, login: Login) -> None:
    before = await configuration(admin)
    js = (await login("admin")).jetstream()
    await js.publish("cmd.t.identity.a.b.v1", b"stays")
    stream = command_stream("identity")
    state = await stream_state(admin, stream)
    assert state
    await api(admin, f"STREAM.UPDATE.{stream}", state["config"] | {"max_age": 3600 * 10**9, "allow_atomic": False})
    info = await api(admin, f"CONSUMER.INFO.{stream}.identity")
    request = {"stream_name": stream, "config": info["config"] | {"ack_wait": 10**9}, "action": "update"}
    await api(admin, f"CONSUMER.CREATE.{stream}.identity", request)
    done = await provision(await login("provision"))
    assert {name for name, change in done.items() if change == "corrected"} == {stream, f"{stream}/identity"}
    # `max_age` is not named in the catalogue for commands, so the operator's value stays.
    after = await configuration(admin)
    assert after[stream] == before[stream] | {"max_age": 3600 * 10**9}  # type: ignore[operator]
    assert after[f"{stream}/identity"] == before[f"{stream}/identity"]
    state = await stream_state(admin, stream)
    assert state
    assert state["state"]["messages"] == 1


async def test_what_cannot_be_changed_in_place_is_an_error_that_names_it(log_admin: Connection) -> None:
    with pytest.raises(StreamError, match=f"stream {EVENTS} differs from the catalogue and cannot be changed in place"):
        await ensure_stream(log_admin, {"name": EVENTS, "storage": "memory"})


async def test_a_stream_of_copies_from_an_older_release_is_replaced(admin: Connection, login: Login) -> None:
    (before,) = [config for config in streams() if config["name"] == WORK]
    await api(admin, f"STREAM.DELETE.{WORK}")
    older = {key: value for key, value in before.items() if key != "persist_mode"} | {"allow_atomic": True}
    await api(admin, f"STREAM.CREATE.{WORK}", older)
    assert (await provision(await login("provision")))[WORK] == "replaced"
    state = await stream_state(admin, WORK)
    assert state
    assert state["config"]["persist_mode"] == "async"
    assert (await provision(await login("provision")))[WORK] == "same"


async def test_the_events_of_an_older_release_no_longer_lie_among_the_services_streams(admin: Connection, login: Login) -> None:
    older = next(config for config in streams() if config["name"] == EVENTS)
    await api(admin, f"STREAM.CREATE.{EVENTS}", older)
    done = await provision(await login("provision"))
    assert (done[EVENTS], done[f"{EVENTS} of the services"]) == ("same", "removed")
    assert await stream_state(admin, EVENTS) is None
    assert await stream_state(admin, EVENTS, prefix=LOG_API) is not None


async def test_a_wrong_password_is_an_error_at_once(servers: Servers, admin: Connection) -> None:
    with pytest.raises(ConnectRefused, match="FLATRENDER_NATS_PASSWORD"):
        await connect(settings(servers.nats_url, "edge", "wrong"), "test")


async def test_no_server_is_an_error_after_the_time_given() -> None:
    with pytest.raises(NoAnswer, match="is it running"):
        await connect(settings("nats://127.0.0.1:1", "edge"), "test", within=0.3)
