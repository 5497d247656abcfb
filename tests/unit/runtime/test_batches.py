"""What goes into one batch: each tenant by turns, and a heavy command fills it, so that what is short does not wait for several of them."""

from collections import Counter
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from consumers.render import DOMAIN
from consumers.runtime import intake
from consumers.runtime.intake import Source
from consumers.runtime.item import Item
from consumers.runtime.runtime import Runtime
from consumers.runtime.settling import BATCH
from contracts.envelope import first
from contracts.message import Command
from contracts.render.jobs import CancelJob, SubmitJob
from tests.unit.domains.render.test_render import spec


class Broker:
    """Stands for the connection: keeps what is answered to messages."""

    is_connected = True

    def __init__(self) -> None:
        self.answers: list[tuple[str, bytes]] = []

    def send_now(self, messages: Any) -> None:
        self.answers += [(subject, body) for subject, body, _, _ in messages]

    def message(self, tenant: UUID, sequence: int, command: Command, deliveries: int = 1) -> Any:
        subject = f"cmd.{tenant}.render.job.cancel.v1"
        reply = f"$JS.ACK.CMD_RENDER.render.{deliveries}.{sequence}.{sequence}.1.0"
        return SimpleNamespace(_client=self, subject=subject, reply=reply, data=b"{}", command=command, tenant=tenant)


def runtime_with(sources: int = 1) -> Runtime:
    one = Runtime(DOMAIN, None, lambda: None, [SimpleNamespace(floor=0) for _ in range(sources)], lambda cursor: None)  # type: ignore[arg-type]
    for source in one.intake.sources:
        source._read = lambda msg: Item(envelope=first(msg.command, tenant=msg.tenant), command=msg.command, raw=msg)
    return one


def arrive(source: Source, broker: Broker, *commands: tuple[UUID, Command], since: int = 1) -> None:
    source.hold([broker.message(tenant, number, command) for number, (tenant, command) in enumerate(commands, since)])


def cancel() -> CancelJob:
    return CancelJob(job_id=uuid4())


def job(segments: int) -> SubmitJob:
    return SubmitJob(job_id=uuid4(), spec=spec("a", frames=30 * segments), spec_sha256="s", priority=50)


def waiting(*commands: Command) -> Runtime:
    """Commands of one tenant."""
    one, tenant = runtime_with(), uuid4()
    arrive(one.intake.sources[0], Broker(), *((tenant, command) for command in commands))
    return one


def taken(one: Runtime, most: int = BATCH) -> Counter[UUID]:
    return Counter(item.envelope.tenant for item in one.intake.take(most))


def test_jobs_of_many_segments_are_taken_one_at_a_time_and_small_ones_together() -> None:
    held = waiting(*(job(1000) for _ in range(3)), *(job(1) for _ in range(50)))
    assert [len(held.intake.take(BATCH)) for _ in range(4)] == [1, 1, 1, 50]


def test_short_commands_before_a_heavy_one_go_with_it() -> None:
    held = waiting(cancel(), job(1000), cancel())
    assert [len(held.intake.take(BATCH)) for _ in range(3)] == [2, 1, 0]


def test_a_batch_has_a_limit_without_heavy_commands_too_and_takes_them_in_their_order() -> None:
    commands = [cancel() for _ in range(BATCH + 10)]
    held = waiting(*commands)
    batches = [held.intake.take(BATCH) for _ in range(2)]
    assert [len(batch) for batch in batches] == [BATCH, 10]
    assert [item.command for batch in batches for item in batch] == commands


def test_one_command_behind_thousands_of_another_tenant_is_in_the_next_batch_and_that_is_a_short_one() -> None:
    one, broker, many, few = runtime_with(), Broker(), uuid4(), uuid4()
    arrive(one.intake.sources[0], broker, *((many, cancel()) for _ in range(5000)))
    assert taken(one) == {many: BATCH}, "alone it may have whole batches"
    arrive(one.intake.sources[0], broker, (few, cancel()), since=5001)
    assert taken(one) == {few: 1}, "alone, so that it is short"
    arrive(one.intake.sources[0], broker, (few, cancel()), since=5002)
    assert taken(one) == {many: intake.SHARED - 1, few: 1}, "but not every time: who has much is not kept from its turn"


def test_batches_stay_short_while_another_tenant_speaks_now_and_then_and_are_long_again_when_it_is_silent() -> None:
    one, broker, many, few = runtime_with(), Broker(), uuid4(), uuid4()
    source = one.intake.sources[0]
    arrive(source, broker, *((many, cancel()) for _ in range(5000)))
    assert taken(one) == {many: BATCH}
    arrive(source, broker, (few, cancel()), since=5001)
    source._used[str(many)] -= 60  # what it has came long ago
    assert taken(one) == {few: 1}
    assert [taken(one) for _ in range(3)] == [{many: intake.SHARED}] * 3
    source._used[str(few)] -= 60
    assert taken(one) == {many: BATCH}


def test_tenants_get_equal_parts_of_the_work_whatever_their_commands_weigh() -> None:
    one, broker, light, heavy = runtime_with(), Broker(), uuid4(), uuid4()
    mixed = [(tenant, command) for _ in range(200) for tenant, command in ((light, cancel()), (heavy, job(20)))]
    arrive(one.intake.sources[0], broker, *mixed)
    worth: Counter[UUID] = Counter()
    for _ in range(20):
        for item in one.intake.take(100):
            worth[item.envelope.tenant] += DOMAIN.weight(item.command)
        if not one.intake.sources[0].lanes.size_of(str(light)):
            break
    assert worth[light] == 200 and 140 <= worth[heavy] <= 260


def test_who_sends_one_heavy_command_at_a_time_gains_nothing_by_it() -> None:
    one, broker, steady, sly = runtime_with(), Broker(), uuid4(), uuid4()
    source = one.intake.sources[0]
    arrive(source, broker, *((steady, cancel()) for _ in range(400)))
    before = 0
    for number in range(30):
        if not source.lanes.size_of(str(sly)):
            arrive(source, broker, (sly, job(100)), since=1000 + number)
        before += taken(one, 10)[sly]
    assert before <= 4, f"{before} commands of weight 100 went before 300 of weight 1"


def test_each_stream_has_its_part_of_a_batch_and_what_others_leave_of_theirs() -> None:
    one, broker = runtime_with(2), Broker()
    commands, reports = one.intake.sources
    tenant, node = uuid4(), uuid4()
    arrive(commands, broker, *((tenant, cancel()) for _ in range(45)))
    arrive(reports, broker, *((node, cancel()) for _ in range(45)))
    assert taken(one, 40) == {tenant: 20, node: 20}
    assert taken(one, 40) == {tenant: 20, node: 20}
    arrive(commands, broker, *((tenant, cancel()) for _ in range(40)), since=100)
    assert taken(one, 40) == {tenant: 35, node: 5}


def test_more_than_a_tenants_share_is_set_aside_in_the_stream_until_about_its_turn() -> None:
    one, broker, many, few = runtime_with(), Broker(), uuid4(), uuid4()
    source = one.intake.sources[0]
    arrive(source, broker, *((many, cancel()) for _ in range(intake.WINDOW + 1000)))
    assert source.lanes.size == intake.WINDOW and len(broker.answers) == 1000
    assert all(body.startswith(b"-NAK") for _, body in broker.answers)
    arrive(source, broker, (few, cancel()), since=intake.WINDOW + 1001)
    assert source.lanes.size_of(str(few)) == 1, "who has little always has room"
    assert source.told().tenants == {str(many): intake.WINDOW + 1000}, "what is set aside is not decided either"
    assert source.told().most == intake.WINDOW // 3


def test_what_was_acknowledged_counts_no_more_and_what_comes_again_counts_once() -> None:
    one, broker, tenant = runtime_with(), Broker(), uuid4()
    source = one.intake.sources[0]
    messages = [broker.message(tenant, number, cancel()) for number in range(1, 4)]
    source.hold(messages)
    items = one.intake.take(BATCH)
    one.intake.done([items[0].raw])
    assert source.undecided == {str(tenant): {2: 1, 3: 1}}
    source.hold([broker.message(tenant, 2, cancel(), deliveries=2)])
    assert source.undecided == {str(tenant): {2: 1, 3: 1}}
    one.intake.done([item.raw for item in items[1:]])
    assert not source.undecided


def test_a_long_message_counts_as_several_so_that_the_bound_is_one_on_memory() -> None:
    one, broker, tenant = runtime_with(), Broker(), uuid4()
    long = broker.message(tenant, 1, cancel())
    long.data = b" " * 60_000
    one.intake.sources[0].hold([long])
    assert one.intake.sources[0].lanes.size == 15


def test_of_long_messages_the_edges_let_through_no_more_than_is_held() -> None:
    """Else the rest is set aside, and comes back behind what was sent after it."""
    one, broker, tenant = runtime_with(), Broker(), uuid4()
    source = one.intake.sources[0]
    for number in range(1, 200):
        message = broker.message(tenant, number, cancel())
        message.data = b" " * 60_000
        source.hold([message])
    assert source.told().tenants == {str(tenant): 199 * 15}
    one.intake.done([item.raw for item in one.intake.take(100)])
    assert source.told().tenants == {str(tenant): 15 * (199 - 100)}


def test_what_was_set_aside_and_never_comes_back_is_counted_until_the_broker_says_that_it_is_over() -> None:
    one, broker, tenant = runtime_with(), Broker(), uuid4()
    source = one.intake.sources[0]
    source.hold([broker.message(tenant, number, cancel()) for number in range(1, 10)])
    source.consumer.floor = 7  # a leader that froze woke, and acknowledged what it had decided before
    source.tidy(0, 1.0)
    assert source.undecided == {str(tenant): {8: 1, 9: 1}}
    source.consumer.floor = 9
    source.tidy(0, 1.0)
    assert not source.undecided and not source.told().tenants
    one.intake.done([item.raw for item in one.intake.take(BATCH)])
    assert not source.undecided
