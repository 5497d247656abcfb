"""The demo as the engine sees it: what can be changed, and that the project's words fit and are drawn."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from contracts.project_file import ProjectFile, ProjectScene
from contracts.spec import ScanResult, SceneSpec, Warning
from node_worker.engines.base import Files, Pixels
from node_worker.engines.lottie.engine import LottieEngine
from templates.build import DemoFiles
from templates.demo.palette import COLOURS

_SIZE = (320, 180)
_UNFIT = {"font.no_glyph", "text.overflow", "text.shrunk", "element.unknown"}


@pytest.fixture(scope="module")
def found(demo: DemoFiles, tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    return LottieEngine().scan(demo.template, tmp_path_factory.mktemp("scan"))


def _draw(
    demo: DemoFiles, found: ScanResult, item: ProjectScene, colours: dict[str, str], work: Path
) -> tuple[Pixels, tuple[Warning, ...]]:
    scene = next(scene for scene in found.scenes if scene.key == item.scene)
    pictures = {key: demo.project.parent / name for key, name in item.pictures.items()}
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (demo.template, *pictures.values())}
    spec = SceneSpec(
        scene=scene.key,
        bundle=digests[demo.template],
        digest=scene.digest,
        frames=90,
        duration=scene.duration,
        texts=item.texts,
        pictures={key: digests[path] for key, path in pictures.items()},
        colours={**colours, **item.colours},
    )
    files = Files(objects={digest: str(path) for path, digest in digests.items()}, work=str(work))
    drawn = LottieEngine().open(spec, files, _SIZE, "#FFFFFF", ())
    pixels = np.zeros((_SIZE[1], _SIZE[0], 4), np.uint8)
    drawn.draw(2.2, pixels)
    warnings = drawn.warnings
    drawn.close()
    return pixels, warnings


def test_the_scan_finds_the_editable_layers_the_shared_brand_and_the_slots(found: ScanResult) -> None:
    assert found.format == "dotlottie-2"
    assert [preset.key for preset in found.presets] == ["ember", "meadow", "blossom"]
    for scene in found.scenes:
        kinds = {element.key: (element.kind, element.shared) for element in scene.elements}
        assert kinds["frl_brand"] == ("text", True)
        assert kinds["frl_title"] == ("text", False)
        assert {key for key, kind in kinds.items() if kind == ("colour", True)} == set(COLOURS)
        assert all(key in COLOURS or key.startswith(("frl_", "frd_")) for key in kinds)
    elements = {scene.key: {element.key: element.kind for element in scene.elements} for scene in found.scenes}
    assert elements["picture"]["frl_photo"] == "image"
    assert elements["intro"]["frd_glow"] == "colour"


@pytest.mark.parametrize("index", range(4), ids=["intro", "picture", "features", "outro"])
def test_the_words_of_the_project_fit_their_boxes_and_change_the_scene(
    demo: DemoFiles, found: ScanResult, project: ProjectFile, index: int, tmp_path: Path
) -> None:
    item = project.scenes[index]
    filled, warnings = _draw(demo, found, item, project.colours, tmp_path)
    default, _ = _draw(demo, found, ProjectScene(scene=item.scene), {}, tmp_path)
    assert not [warning for warning in warnings if warning.code in _UNFIT]
    changed = np.abs(filled.astype(int) - default.astype(int)).max(axis=2) > 12
    assert changed.mean() > 0.1
