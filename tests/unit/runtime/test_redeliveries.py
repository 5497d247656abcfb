from collections import Counter

from consumers.runtime.redeliveries import FULL, LONGEST, QUARTER, Redeliveries


def test_no_more_comes_back_at_once_than_a_group_takes() -> None:
    redeliveries = Redeliveries()
    groups = Counter(redeliveries.after(5.0) for _ in range(5 * FULL))
    assert max(groups.values()) <= FULL + 1, "one more where the clock has gone on in between"
    assert min(groups) >= 5.0 - QUARTER
    assert max(groups) <= 5.0 + 6 * QUARTER


def test_what_is_too_much_for_all_groups_is_spread_over_the_later_half() -> None:
    redeliveries, room = Redeliveries(), int(LONGEST / QUARTER) * FULL
    delays = [redeliveries.after(1.0) for _ in range(room + 10_000)][room:]
    assert min(delays) >= LONGEST / 2 - QUARTER
    assert max(delays) <= LONGEST
    assert len(set(delays)) >= LONGEST / QUARTER / 2 - 2


def test_nothing_comes_back_before_a_second_is_over() -> None:
    assert Redeliveries().after(0.0) == 1.0
