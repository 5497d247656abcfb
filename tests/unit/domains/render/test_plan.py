from uuid import UUID

import pytest

from consumers.render.jobs.plan import grid, located, plan, segment_frames
from contracts.spec import RenderSpec, SceneSpec

BUILDS = ("engine", "encoder")


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


def test_every_planned_segment_is_found_by_its_place() -> None:
    scenes = tuple(SceneSpec(scene=str(n), bundle="b", digest=str(n), frames=n, duration=n / 30) for n in (70, 1, 60, 31))
    spec = RenderSpec(scenes=scenes, width=320, height=180, rate_num=30, rate_den=1)
    planned = plan(ONE, spec, BUILDS)
    assert [located(spec, place) for place in range(len(planned))] == [(one.scene, one.first, one.count) for one in planned]
    with pytest.raises(IndexError):
        located(spec, len(planned))
