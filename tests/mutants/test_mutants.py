"""Every promise holds, and every mutant turns its check red."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from adapters.nats import connect
from adapters.object_store import ObjectStore
from deploy.local.servers import Servers
from tests.mutants import aged, archives, domains, entities, keys, leaders, mutations, plain, promises, reactions, timers, visible, windows
from tests.mutants.checks import Broken
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains
from tests.support.password import PASSWORD
from tests.support.sample_history import SampleHistory

pytestmark = pytest.mark.timeout(180)  # a minute for all: of its lane's files it comes early
Check = Callable[..., Awaitable[None]]
RED: list[tuple[str, Check, mutations.Mutation]] = [
    ("I1", promises.repeated_commands_are_applied_once, mutations.inbox_is_not_read),
    ("I1", promises.repeated_commands_are_applied_once, mutations.inbox_is_not_written),
    ("I1", keys.a_key_names_one_command_for_each_who_asks_and_where, mutations.keys_are_the_tenants),
    ("I1", keys.a_key_names_one_command_for_each_who_asks_and_where, mutations.keys_are_of_no_route),
    ("I1", promises.what_is_not_committed_is_not_acknowledged, mutations.acknowledged_before_commit),
    ("I2", promises.every_change_has_its_event, mutations.outbox_is_not_written),
    ("I2", promises.every_change_has_its_event, mutations.refusals_are_not_logged),
    ("I2", promises.two_facts_have_two_ids, mutations.ids_forget_the_moment),
    ("I3", promises.late_reports_are_refused, mutations.every_lease_counts),
    ("I4", promises.tenants_are_apart, mutations.transactions_serve_everyone),
    ("I4", plain.what_belongs_to_a_request_is_taken_for_no_other, plain.every_read_begins_a_request),
    ("I4", promises.tenants_are_apart, mutations.table_without_row_security),
    ("I2", archives.a_repeated_id_is_known_wherever_its_event_lies, archives.ids_are_unique_in_their_partition_alone),
    ("I2", archives.a_repeated_id_is_known_wherever_its_event_lies, archives.every_id_bears_a_moment),
    ("I2", archives.nothing_leaves_the_table_that_is_not_kept, archives.what_was_stored_is_believed_to_be_kept),
    ("I2", archives.a_broken_chain_is_not_archived, archives.what_is_archived_is_not_checked),
    ("I2", archives.who_reads_keeps_its_partitions, archives.partitions_go_at_once),
    ("I5", archives.the_log_is_read_from_its_first_event_on, archives.replay_reads_the_table_alone),
    ("I5", archives.the_log_is_read_from_its_first_event_on, archives.domains_read_the_table_alone),
    ("I4", archives.a_tenant_is_told_of_its_own_pieces_alone, archives.ranges_without_row_security),
    ("I4", promises.a_node_cannot_take_a_commands_id, mutations.nodes_choose_their_reports_ids),
    ("I1", windows.no_cursor_passes_what_is_published, mutations.cursors_believe_the_stream),
    ("I1", reactions.nothing_is_folded_twice, reactions.folds_forget_their_cursor),
    ("I1", reactions.a_fold_that_fails_is_not_passed, reactions.a_failing_fold_is_forgotten),
    ("I1", reactions.what_follows_a_fold_does_not_overtake_it, reactions.folds_have_no_followers),
    ("I1", reactions.commands_wait_for_what_is_learned, reactions.nothing_is_waited_for),
    ("I1", reactions.what_was_missed_is_learned_before_the_feed_is_followed, reactions.whoever_is_behind_joins_at_once),
    ("I1", reactions.what_an_earlier_release_had_queued_writes_over_nothing, reactions.the_last_word_counts),
    ("I5", reactions.a_copy_is_replayed_as_far_as_it_goes, reactions.replay_folds_everything),
    ("I5", reactions.a_name_stays_what_it_was, reactions.kinds_are_not_compared),
    ("I2", domains.a_domain_that_is_made_is_what_the_others_are, domains.outboxes_take_every_type),
    ("I4", domains.a_domain_that_is_made_is_what_the_others_are, domains.inboxes_are_not_guarded),
    ("I10", domains.a_domain_that_is_made_is_what_the_others_are, domains.the_check_reads_answers),
    ("I1", domains.a_copy_of_facts_keeps_the_first_word, domains.every_word_is_taken_down),
    ("I1", domains.a_copy_lacks_nothing, domains.columns_are_not_looked_for),
    ("I2", windows.a_repeated_event_stops_its_outbox_alone, mutations.repeated_events_are_dropped),
    ("I2", windows.a_repeated_event_stops_its_outbox_alone, mutations.repeated_events_stop_everybody),
    ("I2", windows.foreign_messages_are_not_taken, mutations.every_message_is_believed),
    ("I2", windows.foreign_messages_are_not_taken, mutations.a_seal_is_enough),
    ("I2", windows.foreign_messages_are_not_taken, mutations.a_hash_is_enough),
    ("I2", windows.nothing_foreign_stays_in_the_window, mutations.rows_follow_by_sequence_alone),
    ("I2", windows.nothing_foreign_stays_in_the_window, mutations.the_streams_end_is_believed),
    ("I5", promises.the_log_gives_the_same_rows, mutations.outbox_is_not_written),
    ("I5", promises.the_log_gives_the_same_rows, mutations.rows_take_the_wall_clock),
    ("I8", promises.a_poisoned_command_costs_only_itself, mutations.batches_are_not_halved),
    ("I8", promises.a_poisoned_command_costs_only_itself, mutations.poison_is_dropped),
    ("I8", promises.our_own_fault_costs_no_command, mutations.our_faults_are_blamed_on_the_message),
    ("I8", promises.a_cursor_passes_nothing_over, mutations.the_cursor_passes_what_is_held),
    ("I9", leaders.what_a_dead_process_left_is_done_at_once, mutations.claims_run_out_by_themselves),
    ("I9", leaders.a_leader_that_froze_loses_its_lock, mutations.silent_leaders_are_left_alone),
    ("I9", leaders.a_leader_that_was_replaced_begins_nothing, mutations.statements_name_no_lease),
    ("I9", leaders.what_was_begun_under_a_lease_that_is_over_is_not_reported, mutations.leases_are_all_one),
    ("I9", leaders.a_lost_connection_is_noticed_while_idle, mutations.idle_connections_are_not_watched),
    ("I1", timers.a_moved_timer_fires_at_its_new_moment_alone, timers.late_timers_are_decided),
    ("I1", timers.a_timer_stays_until_its_command_is_decided, timers.what_is_published_is_removed),
    ("I1", timers.a_timer_that_is_set_again_fires_again, timers.ids_forget_who_set_the_timer),
    ("I4", timers.who_claims_to_be_a_timer_gains_nothing, timers.every_claim_is_believed),
    ("I8", timers.a_timer_that_cannot_be_read_holds_up_no_other, timers.what_cannot_be_read_ends_the_round),
    ("I1", timers.what_recurs_keeps_to_its_rule, timers.the_next_moment_is_a_day_from_now),
    ("I1", timers.what_recurs_keeps_to_its_rule, timers.gaps_of_the_clock_are_passed_by_its_old_offset),
    ("I8", timers.what_is_over_goes_and_what_waits_stays, timers.everything_old_is_swept),
    ("I8", timers.what_is_over_goes_and_what_waits_stays, timers.only_domains_with_timers_are_swept),
    ("I1", aged.what_was_half_reacted_to_at_an_update_is_not_decided_twice, aged.an_update_names_everything_anew),
    ("I1", aged.a_timer_that_the_release_before_published_fires_once, aged.former_timers_are_forgotten),
    ("I1", aged.a_timer_that_the_release_before_published_fires_once, aged.whatever_bears_a_timers_name_is_decided),
    ("age", aged.commands_lie_in_the_order_of_time, aged.ids_are_random),
    ("age", aged.commands_lie_in_the_order_of_time, aged.the_edges_ids_are_random),
    ("age", aged.pages_hold_every_render_once, aged.renders_without_a_job_are_left_out),
    ("age", aged.pages_hold_every_render_once, aged.renders_with_a_job_are_listed_twice),
    ("age", aged.pages_hold_every_render_once, aged.pages_forget_the_id),
    ("unique", entities.a_name_is_free_as_soon_as_it_is_given_up, entities.nobody_asks_whether_it_is_taken),
    ("unique", entities.a_name_is_free_as_soon_as_it_is_given_up, entities.a_unique_index_is_enough),
    ("unique", entities.a_name_is_free_as_soon_as_it_is_given_up, entities.rows_that_are_over_keep_their_names),
    ("unique", entities.what_a_decider_forgets_the_database_refuses, entities.nothing_is_unique),
    ("unique", entities.what_a_decider_forgets_the_database_refuses, entities.nobody_knows_what_the_constraint_means),
    ("I10", keys.a_secret_is_shown_once, mutations.what_was_shown_is_forgotten),
    ("I10", keys.a_salt_is_in_the_outcome_alone, mutations.the_hint_is_the_salt),
    ("I10", visible.only_what_is_public_is_told, visible.fields_are_open_by_default),
    ("I10", visible.only_what_is_public_is_told, visible.containers_are_shown_as_they_stand),
    ("I10", visible.only_what_is_public_is_told, visible.secrets_are_internal),
    ("I10", visible.only_what_is_public_is_told, visible.the_feed_takes_every_event),
    ("I10", visible.only_what_is_public_is_told, visible.the_log_takes_every_event),
    ("I10", visible.only_what_is_public_is_told, visible.rows_show_what_was_found),
    ("I10", visible.only_what_is_public_is_told, visible.answers_are_passed_on),
]
SOON = 2.0  # seconds in which a recovery that cannot come is waited for
GREEN = list(dict.fromkeys((promise, check) for promise, check, _ in RED))


@pytest_asyncio.fixture(loop_scope="session")
async def in_process(servers: Servers) -> AsyncIterator[InProcessDomains]:
    """All domains over a database that the test may damage."""
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as running:
        yield running


async def made_ready(check: Check, in_process: InProcessDomains, stack: AsyncExitStack, servers: Servers) -> tuple[Any, ...]:
    """What a check needs besides the domains."""
    if check is windows.nothing_foreign_stays_in_the_window:
        admin = SimpleNamespace(nats_url=servers.nats_url, nats_user="admin", nats_password=servers.secrets.get("nats.admin"))
        nc = await connect(admin, "mutants", within=10)
        stack.push_async_callback(nc.close)
        return (nc,)
    if check.__module__ == archives.__name__:
        store = ObjectStore(servers.s3_url, "mutants", servers.s3_access_key, servers.s3_secret_key)
        await stack.enter_async_context(store)
        await store.ensure_bucket()
        return (store, servers.pg_dsn("log_app", PASSWORD, in_process.dsn.rpartition("/")[2]))
    if check is not promises.late_reports_are_refused:
        return ()
    sample = SampleHistory(in_process, tenants=1, jobs=1, seconds=2.0)
    await sample.begin()
    await sample.upload("template")
    await sample.upload("audio")
    await sample.publish()
    return (sample,)


@pytest.mark.parametrize(("promise", "check"), GREEN, ids=lambda value: getattr(value, "__name__", value))
async def test_the_promise_holds(promise: str, check: Check, in_process: InProcessDomains, servers: Servers) -> None:
    async with AsyncExitStack() as stack:
        await check(in_process, *await made_ready(check, in_process, stack, servers))


@pytest.mark.parametrize(("promise", "check", "mutation"), RED, ids=lambda value: getattr(value, "__name__", value))
async def test_the_mutant_turns_the_check_red(
    promise: str,
    check: Check,
    mutation: mutations.Mutation,
    in_process: InProcessDomains,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaders, "SOON", SOON)
    async with AsyncExitStack() as stack:
        needed = await made_ready(check, in_process, stack, servers)
        mutant = mutation(in_process)
        if hasattr(mutant, "__aenter__"):
            await stack.enter_async_context(mutant)
        else:
            stack.enter_context(mutant)
        with pytest.raises(Broken):
            await check(in_process, *needed)
