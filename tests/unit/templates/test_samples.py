"""The sample documents are what their names say, so that tests which use them test something."""

import io
import json
import struct
import zipfile

import pytest

from templates.hostile import Hostile, huge_png
from templates.samples import computed, crash_candidates, heavy, many_scenes, simple

_LARGE = {"deep_json", "zip_bomb"}
_CANDIDATES = {candidate.name: candidate for candidate in crash_candidates()}


def test_the_simple_document_holds_the_words_and_a_colour_slot() -> None:
    document = json.loads(simple("سلام 12", seconds=1.5, size=(640, 360)))
    assert (document["op"], document["fr"], document["w"], document["h"]) == (45, 30, 640, 360)
    assert document["layers"][0]["t"]["d"]["k"][0]["s"]["t"] == "سلام 12"
    assert set(document["slots"]) == {"primary", "background"}


def test_many_scenes_are_listed_in_order_and_differ() -> None:
    with zipfile.ZipFile(io.BytesIO(many_scenes(12))) as archive:
        listed = [entry["id"] for entry in json.loads(archive.read("manifest.json"))["animations"]]
        contents = {archive.read(f"a/{name}.json") for name in listed}
    assert listed == sorted(listed) and len(contents) == 12


def test_the_same_call_gives_the_same_bytes() -> None:
    assert many_scenes(3) == many_scenes(3)
    assert heavy(1) == heavy(1)
    assert computed("a") == computed("a")


@pytest.mark.parametrize("candidate", [c for c in crash_candidates() if c.name not in _LARGE], ids=lambda c: c.name)
def test_a_hostile_file_is_small_and_made_the_same_way_every_time(candidate: Hostile) -> None:
    assert candidate.make() == candidate.make()
    assert len(candidate.make()) < 10_000


def test_the_zip_bomb_is_small_on_disk_and_says_how_large_it_becomes() -> None:
    bomb = _CANDIDATES["zip_bomb"].make()
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) > 200 * len(bomb)


def test_the_lying_zip_hides_what_its_member_unpacks_to() -> None:
    with zipfile.ZipFile(io.BytesIO(_CANDIDATES["lying_zip"].make())) as archive:
        entry = archive.getinfo("a/scene.json")
        assert entry.file_size < entry.compress_size
        with pytest.raises(zipfile.BadZipFile):
            archive.read(entry)


def test_the_path_trick_names_files_outside_its_folder() -> None:
    with zipfile.ZipFile(io.BytesIO(_CANDIDATES["path_trick"].make())) as archive:
        names = archive.namelist()
    assert any(name.startswith("../") for name in names) and any(name.startswith("/") for name in names)


def test_the_truncated_zip_cannot_be_opened_as_a_zip() -> None:
    assert not zipfile.is_zipfile(io.BytesIO(_CANDIDATES["truncated_zip"].make()))


def test_the_huge_picture_says_65000_pixels_each_way() -> None:
    assert struct.unpack(">II", huge_png()[16:24]) == (65_000, 65_000)


def test_a_reader_that_recurses_cannot_read_the_deep_document() -> None:
    with pytest.raises(RecursionError):
        json.loads(_CANDIDATES["deep_json"].make())


def test_the_computed_document_is_computed_and_has_what_films_are_given() -> None:
    document = json.loads(computed("Hello"))
    assert json.dumps(document).count('"x": "var $bm_rt;') == 10
    assert document["layers"][0]["nm"] == "frl_title" and "primary" in document["slots"]
