from uuid import UUID, uuid4

from consumers.render.farm import PART_SECONDS, Farm, NodeState
from consumers.render.plan import grid, plan, segment_frames
from contracts.spec import RenderSpec, SceneSpec

BUILDS = ("engine", "encoder")


def farm_with(slots: int = 2) -> tuple[Farm, NodeState]:
    farm = Farm()
    node = farm.nodes[uuid4()] = NodeState(uuid4(), "n", 1, slots, BUILDS, 0.0)
    return farm, node


def add(farm: Farm, tenant: UUID, segments: int, priority: int = 50, name: str = "") -> tuple[UUID, UUID]:
    ref = (tenant, uuid4())
    farm.add_job(ref, priority).builds = BUILDS
    for idx in range(segments):
        farm.add_segment(ref, idx, f"{name or ref[1]}/{idx}")
    return ref


def test_nothing_waits_means_nothing_chosen() -> None:
    farm, node = farm_with()
    assert farm.choose(node) is None


def test_a_jobs_segments_are_given_out_once_each_in_runs() -> None:
    farm, node = farm_with()
    add(farm, uuid4(), 12)
    given = []
    while choice := farm.choose(node):
        assert choice.count == len(choice.keys)
        given += list(choice.keys)
    assert len(given) == len(set(given)) == 12


def test_parts_get_shorter_towards_the_end_so_that_the_last_end_together() -> None:
    farm, node = farm_with(slots=2)
    add(farm, uuid4(), 12)
    counts = []
    while choice := farm.choose(node):
        counts.append(choice.count)
    assert counts == sorted(counts, reverse=True) and counts[-1] == 1 and counts[0] == 3


def test_a_part_is_as_long_as_its_measured_segments_allow() -> None:
    farm, node = farm_with(slots=1)
    ref = add(farm, uuid4(), 200)
    farm.jobs[ref].seconds = PART_SECONDS / 2
    choice = farm.choose(node)
    assert choice is not None and choice.count == 2


def test_priority_goes_before_age_within_a_tenant() -> None:
    farm, node = farm_with()
    tenant = uuid4()
    add(farm, tenant, 2, priority=10)
    urgent = add(farm, tenant, 2, priority=90)
    choice = farm.choose(node)
    assert choice is not None and choice.subject == urgent[1]


def test_a_small_tenant_is_served_beside_a_tenant_with_ten_thousand_segments() -> None:
    farm, node = farm_with()
    big, small = uuid4(), uuid4()
    add(farm, big, 10_000)
    assert [farm.choose(node).tenant for _ in range(2)] == [big, big]  # type: ignore[union-attr]
    add(farm, small, 1)
    assert farm.choose(node).tenant == small  # type: ignore[union-attr]


def test_an_idle_tenant_saves_up_no_claim() -> None:
    farm, node = farm_with()
    early, late = uuid4(), uuid4()
    add(farm, early, 1000)
    for _ in range(20):
        farm.choose(node)
    add(farm, late, 1000)
    served = [farm.choose(node).tenant for _ in range(20)]  # type: ignore[union-attr]
    assert 8 <= served.count(late) <= 12


def test_inspections_go_before_renders() -> None:
    farm, node = farm_with()
    add(farm, uuid4(), 5)
    file = (uuid4(), uuid4())
    farm.inspections[file] = None
    choice = farm.choose(node)
    assert choice is not None and (choice.kind, choice.subject) == ("inspect", file[1])


def test_a_segment_that_is_being_drawn_for_another_job_is_not_given_out_twice() -> None:
    farm, node = farm_with()
    tenant = uuid4()
    add(farm, tenant, 2, name="same")
    add(farm, tenant, 2, name="same")
    keys = []
    while choice := farm.choose(node):
        keys += list(choice.keys)
    assert sorted(keys) == ["same/0", "same/1"]


def test_a_segment_that_comes_back_is_given_out_again() -> None:
    farm, node = farm_with()
    tenant = uuid4()
    add(farm, tenant, 1, name="x")
    assert farm.choose(node) is not None
    assert farm.choose(node) is None
    farm.segment_back(tenant, "x/0")
    assert farm.choose(node) is not None


def test_a_job_of_another_build_waits_without_blocking_the_rest() -> None:
    farm, node = farm_with()
    tenant = uuid4()
    other = add(farm, tenant, 3, priority=99)
    farm.jobs[other].builds = ("older", "encoder")
    fitting = add(farm, tenant, 3)
    choice = farm.choose(node)
    assert choice is not None and choice.subject == fitting[1]


def test_a_dropped_job_is_not_chosen_any_more() -> None:
    farm, node = farm_with()
    ref = add(farm, uuid4(), 3)
    farm.drop_job(ref)
    assert farm.choose(node) is None and not farm.users


def test_the_grid_covers_a_scene_without_gap() -> None:
    assert list(grid(70, 30)) == [(0, 30), (30, 30), (60, 10)]
    assert list(grid(1, 29)) == [(0, 1)]


def spec_of(**change: object) -> RenderSpec:
    scene = {"scene": "s", "bundle": "b", "digest": "d", "frames": 30, "duration": 1.0, "texts": {"t": "x"}}
    look = {name: change.pop(name) for name in list(change) if name in ("width", "quality", "background", "rate_num", "fonts")}
    return RenderSpec(scenes=(SceneSpec(**{**scene, **change}),), **{"width": 320, "height": 180, **look})  # type: ignore[arg-type]


ONE = UUID(int=1)


def key(tenant: UUID = ONE, builds: tuple[str, str] = BUILDS, **change: object) -> str:
    return plan(tenant, spec_of(**change), builds)[0].key


def test_whatever_changes_a_pixel_changes_the_content_key() -> None:
    changes: list[dict[str, object]] = [{"texts": {"t": "y"}}, {"colours": {"c": "#000000"}}, {"pictures": {"p": "z"}}, {"digest": "e"}]
    changes += [{"width": 640}, {"quality": "high"}, {"background": "#000000"}, {"rate_num": 25}, {"fonts": ("f",)}, {"speed": 2.0}]
    keys = [
        key(),
        *(key(**change) for change in changes),
        key(UUID(int=2)),
        key(builds=("engine-2", "encoder")),
        key(builds=("engine", "encoder-2")),
    ]
    assert len(set(keys)) == len(keys)


def test_a_new_upload_with_the_same_scene_keeps_its_segments() -> None:
    assert key(bundle="another upload", scene="renamed") == key()


def test_equal_specs_have_equal_keys_whatever_the_order_of_their_values() -> None:
    assert key(texts={"a": "1", "b": "2"}) == key(texts={"b": "2", "a": "1"})


def test_a_full_segment_has_floor_of_the_rate_frames() -> None:
    assert segment_frames(RenderSpec(scenes=(), width=2, height=2, rate_num=30000, rate_den=1001)) == 29
    assert segment_frames(RenderSpec(scenes=(), width=2, height=2, rate_num=1, rate_den=2)) == 1
