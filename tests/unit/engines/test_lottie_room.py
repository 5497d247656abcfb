"""How much room a text has is measured where its template is read, and an estimate by it agrees with what is drawn."""

from collections.abc import Callable
from typing import Any

import pytest

from consumers.studio.lengths import too_long
from contracts.spec import Element
from contracts.studio.copies import TemplateScene
from contracts.studio.values import SceneValues
from node_worker.engines.lottie import LottieEngine

LONG = "A title that is much too long for the place that it has"


@pytest.fixture
def scanned(engine: LottieEngine, save: Callable[..., Any], tmp_path: Any) -> Callable[..., Element]:
    def scan(document: dict[str, Any]) -> Element:
        (found,) = engine.scan(save(document), tmp_path / "scan").scenes[0].elements
        return found

    return scan


def test_a_box_says_how_long_and_how_many_its_lines_are(build: Any, scanned: Callable[..., Element]) -> None:
    element = scanned(build.document(build.text("frl_a", "Hello there", sz=[240, 100], ps=[0, 0])))
    assert (element.room, element.lines) == (8.0, 3)
    assert 0.9 < element.breadth < 1.1


def test_a_text_without_a_box_has_room_to_the_pictures_edge(build: Any, scanned: Callable[..., Element]) -> None:
    layer = build.text("frl_a", "Hello")
    assert scanned(build.document(layer)).room == pytest.approx(306.4 / 30, rel=0.02), "from 20 to a little beyond 320"
    layer["ks"]["s"] = {"a": 0, "k": [50, 50, 100]}
    assert scanned(build.document(layer)).room == pytest.approx(2 * 306.4 / 30, rel=0.02)
    centred = build.text("frl_a", "Hello", j=2)
    centred["ks"]["p"] = {"a": 0, "k": [160, 60, 0]}
    assert scanned(build.document(centred)).room == pytest.approx((320 + 2 * 6.4) / 30, rel=0.02)


def test_a_text_that_stands_outside_on_purpose_has_no_bounds(build: Any, scanned: Callable[..., Element]) -> None:
    layer = build.text("frl_a", "Hello")
    layer["ks"]["p"] = {"a": 0, "k": [-500, 60, 0]}
    element = scanned(build.document(layer))
    assert (element.room, element.lines) == (0.0, 0)


@pytest.mark.parametrize(
    "text", ["Short", LONG, "Donaudampfschifffahrtsgesellschaftskapitän", "سلام دنیا", "سلام " * 20, "One\ntwo\nthree", "WWW"]
)
@pytest.mark.parametrize("box", [(), (200, 80), (280, 40)])
def test_the_estimate_agrees_with_what_is_drawn(
    build: Any, save: Callable[..., Any], scene: Callable[..., Any], scanned: Callable[..., Element], text: str, box: tuple[int, ...]
) -> None:
    document = build.document(build.text("frl_a", "Hello", **({"sz": list(box), "ps": [0, 0]} if box else {})))
    told = {warning.code for warning in scene(save(document, "drawn"), texts={"frl_a": text}).warnings if warning.code.startswith("text.")}
    element = scanned(document)
    values = dict.fromkeys(TemplateScene.__struct_fields__) | {"scene": "main", "elements": (element,)}
    estimated = {warning.code for warning in too_long(SceneValues(scene="main", texts={"frl_a": text}), TemplateScene(**values))}  # type: ignore[arg-type]
    assert bool(estimated) == bool(told), (estimated, told)
