"""What the service refuses is told by the paths that a person typed, with what to do."""

from uuid import uuid4

from cli.errors import Mistake
from cli.naming import in_own_words
from contracts.project_file import ProjectFile, ProjectScene, ProjectTrack

PROJECT = ProjectFile(
    scenes=(ProjectScene(scene="intro", pictures={"frl_photo": "photo.mp3"}),), audio=(ProjectTrack(kind="music", file="silent.png"),)
)


def test_a_file_is_named_by_its_path_and_by_what_it_was_given_for() -> None:
    ids = {"photo.mp3": uuid4(), "silent.png": uuid4()}
    errors = [
        {"code": "file.kind", "field": "scenes[0].pictures.frl_photo", "detail": f"file {ids['photo.mp3']} is an audio; picture is wanted"},
        {"code": "file.kind", "field": "audio[0].file_id", "detail": f"file {ids['silent.png']} is a picture; audio is wanted here"},
    ]
    told = in_own_words(Mistake("file.kind", errors[0]["detail"], errors[0]["field"], "", errors), PROJECT, ids)
    assert [error["field"] for error in told.errors] == ["intro.frl_photo", "music"]
    assert told.errors[1]["detail"] == "silent.png is a picture; audio is wanted here"
    assert "picture" in told.remedy and not any(str(one) in line for one in ids.values() for line in told.lines)


def test_what_is_of_no_file_stays_as_it_is() -> None:
    told = in_own_words(Mistake("render.rate", "rate must be 1 to 120", "rate", "do"), PROJECT, {})
    assert (told.code, told.detail, told.field, told.remedy, told.errors) == ("render.rate", "rate must be 1 to 120", "rate", "do", ())
