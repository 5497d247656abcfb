"""Which prepared scenes are kept for what."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from contracts.spec import SceneSpec
from node_worker.engines.base import Files, Timing
from node_worker.engines.protocol import DrawPicture
from node_worker.engines.scenes import SceneCache

SPEC = SceneSpec(scene="one", bundle="0" * 64, digest="", frames=1, duration=1.0)
ASKED = DrawPicture(spec=SPEC, files=Files({}), width=8, height=8, rate_num=30, rate_den=1, background="#FFFFFF", frame=0, output="")


class Opened:
    """A scene that remembers for what it was opened."""

    warnings = ()

    def __init__(self, timing: Timing, computed: bool) -> None:
        self.timing, self.computed, self.closed = timing, computed, False

    def close(self) -> None:
        self.closed = True


class Engine:
    """Opens scenes that are computed, or not."""

    def __init__(self, computed: bool) -> None:
        self.computed, self.opened = computed, 0

    def open(self, *given: Any) -> Opened:
        self.opened += 1
        return Opened(next(one for one in given if isinstance(one, Timing)), self.computed)


@pytest.fixture(params=[True, False], ids=["computed", "plain"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.param)


def test_a_computed_scene_serves_its_own_moments_alone_and_another_one_all(engine: Engine) -> None:
    cache = SceneCache(engine)
    whole = cache.get(ASKED)
    assert whole.timing == Timing(Fraction(30), None)
    first, again, other = cache.get(ASKED, 0.5), cache.get(ASKED, 0.5), cache.get(ASKED, 0.6)
    assert first is again and cache.get(ASKED) is whole
    assert (first is whole, other is first, engine.opened) == ((False, False, 3) if engine.computed else (True, True, 1))
    assert first.timing.second == (0.5 if engine.computed else None)


def test_a_video_of_another_rate_is_opened_anew(engine: Engine) -> None:
    cache = SceneCache(engine)
    assert cache.get(ASKED) is not cache.get(msgspec.structs.replace(ASKED, rate_num=60))


def test_a_scene_whose_drawing_failed_is_closed_and_opened_anew(engine: Engine) -> None:
    cache = SceneCache(engine)
    failed = cache.get(ASKED, 0.5)
    cache.forget(ASKED, 0.5)
    assert failed.closed and cache.get(ASKED, 0.5) is not failed
