"""Before anything is drawn, a dry run tells what is likely too long; a render does not keep an estimate."""

from typing import Any

import pytest

from contracts.letters import ems
from contracts.spec import Element
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import ChosenScene
from tests.unit.domains.studio.test_renders_and_saved_projects import PROJECT, learned


def dry_run(element: dict[str, Any], text: str) -> list[tuple[str, str, str]]:
    harness = learned(elements=(Element(key="frl_title", kind="text", **element),))
    scene = ChosenScene(scene="intro", texts={"frl_title": text})
    assert harness.do(RequestRender(project_id=PROJECT, scenes=(scene,)), dry_run=True) == []
    return [(one.code, one.scene, one.element) for one in harness.answer["warnings"]]


@pytest.mark.parametrize(
    ("element", "text", "code"),
    [
        ({"room": 10.0}, "Short", ""),
        ({"room": 10.0}, "A title that is much too long for its picture", "text.outside"),
        ({"room": 10.0}, "A title that\nis on three\nlines", ""),
        ({"room": 10.0, "breadth": 2.0}, "Twice as broad", "text.outside"),
        ({"room": 10.0, "lines": 2}, "A title that has two lines", ""),
        ({"room": 10.0, "lines": 2}, "A title that has more words than two lines have room for at all", "text.shrunk"),
        ({"room": 10.0, "lines": 1}, "word " * 100, "text.overflow"),
        ({"room": 5.0, "lines": 9}, "Donaudampfschifffahrtsgesellschaft", "text.torn"),
        ({"room": 7.0, "lines": 9}, "example.org/one/two/three/four/five", ""),
        ({}, "word " * 100, ""),
    ],
)
def test_what_is_likely_too_long_is_told_with_its_element(element: dict[str, Any], text: str, code: str) -> None:
    assert dry_run(element, text) == ([(code, "intro", "frl_title")] if code else [])


def test_a_render_does_not_keep_an_estimate() -> None:
    harness = learned(elements=(Element(key="frl_title", kind="text", room=5.0),))
    [event] = harness.do(RequestRender(project_id=PROJECT, scenes=(ChosenScene(scene="intro", texts={"frl_title": "word " * 100}),)))
    assert event.warnings == () and harness.answer["warnings"] == ()


def test_widths_follow_the_script() -> None:
    assert ems("llll") < ems("aaaa") < ems("MMMM")
    assert ems("漢字") == 2.0 and ems("\u064b\u200d") == 0.0
    assert 0.35 < ems("سلام") / 4 < 0.5
