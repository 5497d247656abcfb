"""Documents in the Lottie format, built small, and a way to draw them."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.spec import SceneSpec
from node_worker.engines.base import ANY_TIME, Files, Pixels, Timing
from node_worker.engines.lottie import LottieEngine
from node_worker.engines.lottie.bundle import file_digest

Document = dict[str, Any]
STILL = {
    "o": {"a": 0, "k": 100},
    "r": {"a": 0, "k": 0},
    "p": {"a": 0, "k": [0, 0, 0]},
    "a": {"a": 0, "k": [0, 0, 0]},
    "s": {"a": 0, "k": [100, 100, 100]},
}


class Build:
    """Makes documents and layers."""

    @staticmethod
    def document(*layers: Document, **fields: Any) -> Document:
        whole: Document = {
            "v": "5.12.1",
            "fr": 30,
            "ip": 0,
            "op": 60,
            "w": 320,
            "h": 180,
            "nm": "test",
            "assets": [],
            "layers": list(layers),
        }
        return {**whole, **fields}

    @staticmethod
    def layer(kind: int, name: str, **fields: Any) -> Document:
        return {"ty": kind, "nm": name, "ip": 0, "op": 60, "st": 0, "sr": 1, "ks": {**STILL}, **fields}

    def text(self, name: str, text: str, **fields: Any) -> Document:
        source = {"s": 30, "f": "Any-Regular", "t": text, "j": 0, "tr": 0, "lh": 36, "ls": 0, "fc": [0, 0, 0], **fields}
        place = {**STILL, "p": {"a": 0, "k": [20, 60, 0]}}
        text_data = {"d": {"k": [{"s": source, "t": 0}]}, "p": {}, "m": {"g": 1, "a": {"a": 0, "k": [0, 0]}}, "a": []}
        return self.layer(5, name, t=text_data, ks=place)

    def rectangle(self, name: str, colour: list[float], **fields: Any) -> Document:
        fill = {"ty": "fl", "c": {"a": 0, "k": colour}, "o": {"a": 0, "k": 100}, "r": 1}
        size = {"ty": "rc", "s": {"a": 0, "k": [320, 180]}, "p": {"a": 0, "k": [160, 90]}, "r": {"a": 0, "k": 0}}
        move = {"ty": "tr", **{key: STILL[key] for key in "orpas"}}
        return self.layer(4, name, shapes=[{"ty": "gr", "it": [size, fill, move]}], **fields)

    def image(self, name: str, asset: str) -> Document:
        return self.layer(2, name, refId=asset)


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def engine() -> LottieEngine:
    return LottieEngine()


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a document as JSON, or a dictionary of names and contents as a zip."""

    def write(content: Any, name: str = "template") -> Path:
        path = tmp_path / name
        if "layers" in content:
            path.write_text(json.dumps(content), encoding="utf-8")
        else:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for entry, data in content.items():
                    archive.writestr(entry, data if isinstance(data, (bytes, str)) else json.dumps(data))
        return path

    return write


@pytest.fixture
def scene(engine: LottieEngine, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a scene of a template file with values."""
    opened = []

    def start(
        path: Path,
        *,
        key: str = "main",
        size: tuple[int, int] = (320, 180),
        background: str = "#FFFFFF",
        pictures: dict[str, Path] | None = None,
        fonts: tuple[Path, ...] = (),
        timing: Timing = ANY_TIME,
        **values: Any,
    ) -> Any:
        files = {file_digest(file): str(file) for file in (path, *(pictures or {}).values(), *fonts)}
        chosen = {name: file_digest(file) for name, file in (pictures or {}).items()}
        spec = SceneSpec(scene=key, bundle=file_digest(path), digest="", frames=1, duration=1.0, pictures=chosen, **values)
        names = tuple(file_digest(font) for font in fonts)
        opened.append(engine.open(spec, Files(files, str(tmp_path / "work")), size, background, names, timing))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def picture_of() -> Callable[..., Pixels]:
    """Draw one moment of a scene into a new buffer."""

    def draw(scene: Any, seconds: float = 0.5, size: tuple[int, int] = (320, 180)) -> Pixels:
        pixels = np.full((size[1], size[0], 4), 7, np.uint8)
        scene.draw(seconds, pixels)
        return pixels

    return draw
