"""Archives are opened safely, once, in every form that designers save."""

import gzip
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.bundle import open_bundle
from node_worker.engines.lottie.names import entry_name


def code_of(path: Path, work: Path) -> str:
    with pytest.raises(TemplateRefused) as caught:
        open_bundle(path, work)
    return caught.value.code


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:evil.json", "..\\evil.json", "C:\\evil.json", "\\evil.json"]
)
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


def test_a_picture_is_found_under_any_writing_of_its_name(tmp_path: Path, save: Callable[..., Path], build: Any) -> None:
    cases = [
        ("images/cafe\u0301.png", "images/", "caf\u00e9.png"),
        ("images/caf\u00e9.png", "images/", "cafe\u0301.png"),
        ("Images/IMG_0.PNG", "images/", "img_0.png"),
        ("images/my photo.png", "images/", "my%20photo.png"),
        ("images/a.png", "images/", "a.png?v=2"),
        ("images/a?.png", "images/", "a?.png"),
        ("images/my%20photo.png", "images/", "my photo.png"),
        ("images\\a.png", "images/", "a.png"),
        ("images/a.png", "images\\", "a.png"),
        ("images/a.png", "", "C:\\Users\\me\\Desktop\\film\\images\\a.png"),
        ("deep/down/a.png", "/Users/me/", "a.png"),
        ("a.png", "file:///home/me/", "a.png"),
        ("i/logo.png", "", "logo"),
    ]
    for number, (held, folder, name) in enumerate(cases):
        bundle = open_bundle(save({"data.json": build.document(), held: b"picture"}, str(number)), tmp_path / "w")
        found = bundle.asset(bundle.animations[0], folder, name)
        assert found is not None and found.read_bytes() == b"picture", (held, folder, name)
        for other in ("b.png", "", "..", "../data.json\0", "a.png/", "x/" * 3000):
            assert bundle.asset(bundle.animations[0], folder, other) in (None, found)


def test_of_two_files_of_one_name_the_nearer_one_is_taken(tmp_path: Path, save: Callable[..., Path], build: Any) -> None:
    content = {
        f"{scene}/{name}": data for scene in ("one", "two") for name, data in (("d.json", build.document()), ("images/A.png", scene))
    }
    bundle = open_bundle(save(content), tmp_path / "w")
    for animation in bundle.animations:
        found = bundle.asset(animation, "C:\\film\\images\\", "a.png")
        assert found is not None and found.read_text() == animation.key.split("/")[0]
    other = bundle.asset(bundle.animations[0], "two/images/", "a.png")
    assert other is not None and other.read_text() == "two"


def test_names_without_the_mark_of_utf_8_and_with_a_second_writing_are_read() -> None:
    entry = zipfile.ZipInfo("caf\u251c\u2310.png")  # the bytes of UTF-8, read as code page 437
    assert entry_name(entry) == "caf\u00e9.png"
    german = zipfile.ZipInfo("\u00e4.png")
    assert entry_name(german) == "\u00e4.png"
    marked = zipfile.ZipInfo("cafe\u0301.png")
    marked.flag_bits = 0x800
    assert entry_name(marked) == "caf\u00e9.png"
    raw = "?.png".encode("cp437")
    second = zipfile.ZipInfo("?.png")
    held = b"\1" + struct.pack("<I", zlib.crc32(raw)) + "\u0633.png".encode()
    second.extra = struct.pack("<HH", 9, 1) + b"x" + struct.pack("<HH", 0x7075, len(held)) + held
    assert entry_name(second) == "\u0633.png"
    second.extra = second.extra[:-1]
    assert entry_name(second) == "?.png"


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
