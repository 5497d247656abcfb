"""Prepared scenes, kept from one request to the next so that consecutive parts of a scene are not prepared again."""

from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction

import msgspec

from node_worker.engines.base import Engine, Scene, Timing, nothing
from node_worker.engines.protocol import SceneRequest

KEPT = 3


class SceneCache:
    """Opens scenes and keeps the last few, by everything that their pictures depend on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scenes: OrderedDict[bytes, Scene] = OrderedDict()

    def get(self, asked: SceneRequest, second: float | None = None, alive: Callable[[], None] = nothing) -> Scene:
        """Return the scene, opened now if need be; for one picture at `second` only where it is given. Raises TemplateRefused."""
        scene = self._kept(asked, second)
        if scene is not None:
            return scene
        while len(self._scenes) >= KEPT:
            self._scenes.popitem(last=False)[1].close()
        timing = Timing(Fraction(asked.rate_num, asked.rate_den), second)
        scene = self._engine.open(asked.spec, asked.files, (asked.width, asked.height), asked.background, asked.fonts, timing, alive)
        self._scenes[_key(asked, second if scene.computed else None)] = scene
        return scene

    def _kept(self, asked: SceneRequest, second: float | None) -> Scene | None:
        """A scene that was opened before. One that was computed for a whole video is not taken for a picture, nor the other way round: the
        picture would depend on what was drawn before."""
        for key in dict.fromkeys((_key(asked, second), _key(asked, None))):
            scene = self._scenes.get(key)
            if scene is not None and (key == _key(asked, second) or not scene.computed):
                self._scenes.move_to_end(key)
                return scene
        return None

    def forget(self, asked: SceneRequest, second: float | None = None) -> None:
        """Drop a scene whose drawing failed."""
        for key in (_key(asked, second), _key(asked, None)):
            scene = self._scenes.pop(key, None)
            if scene is not None:
                scene.close()


def _key(asked: SceneRequest, second: float | None) -> bytes:
    parts = (asked.spec, asked.width, asked.height, asked.rate_num, asked.rate_den, asked.background, asked.fonts, second)
    return msgspec.json.encode(parts, order="deterministic")
