"""Prepared scenes, kept from one request to the next so that consecutive parts of a scene are not prepared again."""

from collections import OrderedDict

import msgspec

from node_worker.engines.base import Engine, Scene
from node_worker.engines.protocol import SceneRequest

KEPT = 3


class SceneCache:
    """Opens scenes and keeps the last few, by everything that their pictures depend on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scenes: OrderedDict[bytes, Scene] = OrderedDict()

    def get(self, asked: SceneRequest) -> Scene:
        """Return the scene, opened now if need be. Raises TemplateRefused."""
        key = _key(asked)
        scene = self._scenes.pop(key, None)
        if scene is None:
            while len(self._scenes) >= KEPT:
                self._scenes.popitem(last=False)[1].close()
            size = (asked.width, asked.height)
            scene = self._engine.open(asked.spec, asked.files, size, asked.background, asked.fonts, plain=asked.plain)
        self._scenes[key] = scene
        return scene

    def forget(self, asked: SceneRequest) -> None:
        """Drop a scene whose drawing failed."""
        scene = self._scenes.pop(_key(asked), None)
        if scene is not None:
            scene.close()


def _key(asked: SceneRequest) -> bytes:
    parts = (asked.spec, asked.width, asked.height, asked.background, asked.fonts, asked.plain)
    return msgspec.json.encode(parts, order="deterministic")
