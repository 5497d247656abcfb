"""Where a film goes: nothing that it is made of is overwritten, and what cannot be is told before it is made."""

import os
from pathlib import Path

import pytest

from cli.errors import Mistake
from cli.target import output_of


def test_without_a_name_the_film_is_called_like_its_template_in_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert output_of(None, Path("/elsewhere/intro.json")) == Path("intro.mp4")


@pytest.mark.parametrize("name", ["own.json", "../here/own.json", "link.json"])
def test_what_the_film_is_made_of_is_not_overwritten(tmp_path: Path, name: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    own = here / "own.json"
    own.write_text("{}")
    (here / "link.json").symlink_to(own)
    with pytest.raises(Mistake) as caught:
        output_of(here / name, own)
    assert caught.value.code == "output.input" and own.read_text() == "{}"
    photo = here / "photo.png"
    photo.touch()
    with pytest.raises(Mistake):
        output_of(photo, own, [photo])
    assert output_of(here / "new.mp4", own, [photo]) == here / "new.mp4"


@pytest.mark.parametrize("name", ["x.mov", "x.WEBM", "x.gif"])
def test_another_kind_of_film_is_refused_with_the_name_that_it_may_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(Mistake) as caught:
        output_of(tmp_path / name, tmp_path / "t.json")
    assert caught.value.code == "output.kind" and "x.mp4" in caught.value.remedy


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "gone" / "x.mp4"):
        with pytest.raises(Mistake, match="folder"):
            output_of(target, tmp_path / "t.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_told(tmp_path: Path) -> None:
    (closed := tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(Mistake, match="written"):
        output_of(closed / "x.mp4", tmp_path / "t.json")
