"""Archives are opened safely, once, in every form that designers save."""

import gzip
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.bundle import open_bundle


def code_of(path: Path, work: Path) -> str:
    with pytest.raises(TemplateRefused) as caught:
        open_bundle(path, work)
    return caught.value.code


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:evil.json", "a\\evil.json"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "{}")
    assert code_of(path, tmp_path / "work") == "bundle.bad_name"
    assert not list(tmp_path.rglob("evil.json"))


def test_links_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    link = zipfile.ZipInfo("animations/a.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert code_of(path, tmp_path / "work") == "bundle.link"


def test_a_file_that_unpacks_to_far_more_is_refused_and_leaves_nothing(tmp_path: Path, save: Callable[..., Path]) -> None:
    assert code_of(save({"bomb.json": b"0" * (64 << 20)}), tmp_path / "work") == "bundle.too_large"
    assert not any((tmp_path / "work").iterdir())


def test_too_many_files_and_two_of_one_name_are_refused(tmp_path: Path, save: Callable[..., Path]) -> None:
    assert code_of(save({f"{n}.txt": "" for n in range(2001)}), tmp_path / "work") == "bundle.too_many_files"
    assert code_of(save({"a.json": "{}", "A.json": "{}"}), tmp_path / "work") == "bundle.duplicate"


def test_a_damaged_archive_is_refused(tmp_path: Path, save: Callable[..., Path], build: Any) -> None:
    path = save({"a.json": build.document()})
    whole = path.read_bytes()
    for cut in (30, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        assert code_of(path, tmp_path / "work") == "bundle.damaged"


def test_an_after_effects_project_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"RIFX\0\0\0\0Egg!")
    assert code_of(path, tmp_path / "work") == "template.after_effects"


def test_an_archive_without_animations_is_refused(tmp_path: Path, save: Callable[..., Path]) -> None:
    assert code_of(save({"readme.txt": "hello"}), tmp_path / "work") == "bundle.empty"
    assert code_of(save({"manifest.json": {"animations": [{"id": "gone"}]}}), tmp_path / "work") == "bundle.manifest"
    assert code_of(save({"manifest.json": {"animations": [{"id": "../x"}]}}), tmp_path / "work") == "bundle.manifest"


def test_both_versions_of_dotlottie_and_a_zip_are_told_apart(tmp_path: Path, save: Callable[..., Path], build: Any) -> None:
    first = save({"manifest.json": {"version": "1.0", "animations": [{"id": "x"}]}, "animations/x.json": build.document()}, "1")
    second = save({"manifest.json": {"version": "2", "animations": [{"id": "x"}]}, "a/x.json": build.document()}, "2")
    loose = save({"intro/one.json": build.document(nm="One"), "two.json": build.document(), "package.json": {"name": "not one"}}, "3")
    assert open_bundle(first, tmp_path / "w").format == "dotlottie-1"
    assert open_bundle(second, tmp_path / "w").format == "dotlottie-2"
    bundle = open_bundle(loose, tmp_path / "w")
    assert (bundle.format, [(a.key, a.title) for a in bundle.animations]) == ("zip", [("intro/one", "One"), ("two", "test")])


def test_an_archive_is_extracted_once(tmp_path: Path, save: Callable[..., Path], build: Any) -> None:
    path = save({"one.json": build.document()})
    file = open_bundle(path, tmp_path / "w").animations[0].path
    before = file.stat().st_ino
    assert open_bundle(path, tmp_path / "w").animations[0].path.stat().st_ino == before
    assert [entry.name[0] for entry in (tmp_path / "w").iterdir()] != ["."]


def test_a_packed_folder_is_opened_like_its_contents(tmp_path: Path, save: Callable[..., Path], build: Any) -> None:
    inner = {
        "T/manifest.json": {"version": "1", "animations": [{"id": "x"}]},
        "T/animations/x.json": build.document(),
        "T/images/a.png": b"1",
    }
    bundle = open_bundle(save(inner), tmp_path / "w")
    assert bundle.format == "dotlottie-1"
    assert bundle.asset(bundle.animation("x"), "/images/", "a.png") is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_packed_document_in_another_encoding_is_scanned_like_a_plain_one(
    tmp_path: Path, save: Callable[..., Path], build: Any, engine: Any, encoding: str
) -> None:
    plain = save(build.document(build.text("سلام", "متن")))
    other = tmp_path / "other"
    other.write_bytes(gzip.compress(plain.read_text(encoding="utf-8").encode(encoding)))
    found, expected = engine.scan(other, tmp_path / "w").scenes[0], engine.scan(plain, tmp_path / "w").scenes[0]
    assert (found.elements, found.duration) == (expected.elements, expected.duration)


def test_a_packed_document_is_bounded_and_refused_when_damaged(tmp_path: Path, engine: Any) -> None:
    path = tmp_path / "t"
    for raw, code in ((gzip.compress(b"{" + b" " * (21 << 20)), "lottie.too_large"), (gzip.compress(b"{}" * 99)[:-9], "lottie.not_json")):
        path.write_bytes(raw)
        with pytest.raises(TemplateRefused) as caught:
            engine.scan(path, tmp_path / "w")
        assert caught.value.code == code
