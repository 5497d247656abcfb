"""The project file: its defaults, and errors that name the field."""

import json
from typing import Any

import msgspec
import pytest

from contracts.project_file import ProjectFile


def _decode(content: Any) -> ProjectFile:
    return msgspec.json.decode(json.dumps(content), type=ProjectFile)


def test_an_empty_project_means_the_template_as_it_is() -> None:
    project = _decode({})
    assert (project.scenes, project.audio, project.width, project.height, project.rate) == ((), (), None, None, None)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"colours": {"primary": "red"}}, "$.colours"),
        ({"audio": [{"kind": "music", "file": "a.mp3", "volume": 3}]}, "$.audio[0].volume"),
        ({"audio": [{"kind": "noise", "file": "a.mp3"}]}, "$.audio[0].kind"),
        ({"scenes": [{"texts": {}}]}, "scene"),
        ({"scenes": [{"scene": "intro", "text": {}}]}, "text"),
        ({"rate": [30, 0]}, "$.rate[1]"),
        ({"rate": [30]}, "$.rate"),
        ({"rate": 121}, "$.rate"),
        ({"scenes": [{"scene": "intro", "speed": 0}]}, "$.scenes[0].speed"),
        ({"scenes": [{"scene": "intro", "fits": {"a": "cover"}}]}, "$.scenes[0].fits"),
        ({"width": 0}, "$.width"),
        ({"background": "#FFF"}, "$.background"),
    ],
)
def test_a_mistake_in_a_project_is_named_by_its_field(content: Any, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        _decode(content)
    assert field in str(caught.value)
