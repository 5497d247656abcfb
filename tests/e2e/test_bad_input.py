"""What a hostile or clumsy client sends gets a problem that names the field, and costs nobody else anything."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from PIL import Image

from deploy.local.stack import Stack
from templates import hostile
from templates.samples import crash_candidates, heavy, many_scenes, simple
from tests.e2e.support_http import Json, is_problem
from tests.e2e.support_shop import Memory, Shop, open_shop, same_film_beside

pytestmark = pytest.mark.timeout(240)  # the first of them starts the product
MEMORY = 256.0  # MB that no process may take more for a file, whatever is in it
RIGHT = {"scene": "main"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """Two tenants with a template each."""
    async with open_shop(stack) as opened:
        yield opened


async def refused(shop: Shop, method: str, path: str, body: Any, status: int, code: str = "", field: str = "", **headers: str) -> None:
    """Ask for what cannot be, and get a whole problem."""
    is_problem(await shop.http.send(method, path, body, **headers), status, code, field)


def as_png(width: int, height: int) -> bytes:
    """A grey picture."""
    whole = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(whole, "PNG")
    return whole.getvalue()


def bad_files() -> list[tuple[str, bytes]]:
    """Every file that no template can be made of; endless_expression is one that can."""
    files = [(f"{kind.name}{kind.suffix}", kind.make()) for kind in crash_candidates() if kind.name != "endless_expression"]
    document = simple("bad")
    return [
        *files,
        ("picture.png", hostile.huge_png()),
        ("sound.lottie", b"ID3\x03\x00\x00\x00\x00\x00\x0a" + b"\xff\xfb\x90\x00" * 5000),
        ("nul.json", document.replace(b"frl_title", b"frl_ti\\u0000tle")),
        ("half.json", document.replace(b'"Simple"', b'"Sim\\ud800ple"')),
        ("nan.json", b'{"v":"5.5","fr":NaN,"ip":0,"op":1e400,"w":1e30,"h":10,"layers":[{"ty":4}]}'),
        ("many.lottie", many_scenes(300, 1, (64, 64))),
        ("byte.json", b"{"),
    ]


async def test_a_hostile_file_is_rejected_with_its_reason_in_bounded_memory_while_a_neighbours_film_is_drawn(
    shop: Shop, stack: Stack
) -> None:
    memory = Memory()

    async def watch() -> None:
        while True:
            memory.look()
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    async with same_film_beside(shop, stack):
        files = await asyncio.gather(*(shop.http.upload(name, data) for name, data in bad_files()))
    watching.cancel()
    accepted = [file for file in files if file["state"] != "rejected"]
    assert not accepted
    for file in files:
        assert "." in file["code"] and len(file["detail"]) > 10, file
        assert str(stack.data) not in file["detail"] and "Traceback" not in file["detail"], file
    assert memory.growth < MEMORY
    await shop.no_project(files[0]["file_id"], files[0]["code"])


async def test_a_file_of_no_known_kind_or_another_one_makes_no_template(shop: Shop) -> None:
    for data in (b"PK\x05\x06" + bytes(18), b"hello " * 1000, b"null", bytes(100_000)):
        file = await shop.http.upload("x.lottie", data)
        assert (file["state"], file["kind"]) == ("rejected", "unknown") and file["detail"], file
        await shop.no_project(file["file_id"], "file.unknown_kind")
    picture = await shop.http.upload("photo.png", as_png(8, 8))
    assert picture["state"] == "ready", picture
    await shop.no_project(picture["file_id"], "template.kind")
    picture = {"scene": "main", "pictures": {"frl_title": picture["file_id"]}}
    await refused(shop, "POST", "/v1/renders", shop.order(scenes=[picture]), 422, "", "scenes[0].pictures.frl_title")


async def test_an_expression_without_end_is_left_out_of_its_own_film_only(shop: Shop, stack: Stack) -> None:
    project = await shop.http.template("endless.json", hostile.endless_expression())
    async with same_film_beside(shop, stack):
        job = await shop.http.render(project["project_id"], scenes=[{"scene": "main", "duration": 0.3}])
        film = await shop.http.ended(job)
    assert (film["state"], film["degraded"]) == ("completed", False), film
    after = await shop.http.ended(await shop.http.render(shop.project))
    assert after["state"] == "completed"


@pytest.mark.parametrize("wrong", ["etag", "none sent"])
async def test_an_upload_that_does_not_add_up_is_refused_and_stays_open(shop: Shop, wrong: str) -> None:
    upload = await shop.http.open_upload("a.bin", 2000)
    etags = ['"' + "0" * 32 + '"'] if wrong == "none sent" else await shop.http.put(upload, b"x" * 2000)
    path = f"/v1/uploads/{upload['upload_id']}"
    await refused(shop, "POST", f"{path}/complete", {"etags": etags * 2}, 422, "file.parts", "etags")
    await refused(shop, "POST", f"{path}/complete", {"etags": ["\n"]}, 422, "request.invalid", "etags[0]")
    given = ["wrong"] if wrong == "etag" else etags
    await refused(shop, "POST", f"{path}/complete", {"etags": given}, 422, "file.parts", "etags[0]")
    assert (await shop.http.get(path))["state"] == "open"
    await shop.http.post(f"{path}/complete", {"etags": await shop.http.put(upload, b"x" * 2000)})
    await shop.http.until(path, lambda row: row["state"] == "stored")


async def test_a_file_whose_upload_is_given_up_is_rejected(shop: Shop) -> None:
    upload = await shop.http.open_upload("a.bin", 2000)
    await shop.http.post(f"/v1/uploads/{upload['upload_id']}/abort", {})
    file = await shop.http.get(f"/v1/files/{upload['file_id']}")
    assert (file["state"], file["code"]) == ("rejected", "file.upload_aborted") and "on request" in file["detail"]
    await shop.no_project(upload["file_id"], "file.upload_aborted")


async def test_an_upload_is_completed_once_and_an_aborted_one_never(shop: Shop) -> None:
    upload = await shop.http.open_upload("a.bin", 1000)
    etags, path = await shop.http.put(upload, b"x" * 1000), f"/v1/uploads/{upload['upload_id']}"
    first, second = await asyncio.gather(*(shop.http.post(f"{path}/complete", {"etags": etags}) for _ in range(2)))
    assert first == second
    await refused(shop, "POST", f"{path}/complete", {"etags": ['"other"']}, 409, "file.upload_state")
    await refused(shop, "POST", f"{path}/abort", {}, 409, "file.upload_state")
    given_up = await shop.http.open_upload("b.bin", 1000)
    path = f"/v1/uploads/{given_up['upload_id']}"
    await shop.http.post(f"{path}/abort", {})
    await refused(shop, "POST", f"{path}/abort", {}, 409, "file.upload_state")
    await refused(shop, "POST", f"{path}/complete", {"etags": etags}, 409, "file.upload_state")


ANNOUNCED: list[tuple[Json, str]] = [
    *(({"name": "a", "bytes": size}, "bytes") for size in (0, -1, 10**12, 2**70, 1.5, True, "5")),
    *(({"name": name, "bytes": 5}, "name") for name in ("", " ", "../a", "a\x00b", "a\r\nb", "\x1b[31m", "x" * 256, 7)),
    *(({"name": "a", "bytes": 5, "media_type": kind}, "media_type") for kind in ("text/html\r\nX: 1", "x" * 5000, "", "é/é")),
]


async def test_a_file_is_announced_with_a_name_a_size_and_a_kind_that_can_be(shop: Shop) -> None:
    for body, field in ANNOUNCED:
        await refused(shop, "POST", "/v1/uploads", body, 422, "", field)


WRONG: list[tuple[Json, str]] = [
    ({"scenes": [{"scene": "nope"}]}, "scenes[0].scene"),
    ({"scenes": [{"scene": "z" * 60_000}]}, "scenes[0].scene"),
    ({"scenes": [RIGHT | {"texts": {"frl_titel": "x"}}]}, "scenes[0].texts.frl_titel"),
    ({"scenes": [RIGHT | {"texts": {"frl_title": "x" * 5001}}]}, "scenes[0].texts.frl_title"),
    ({"scenes": [RIGHT | {"texts": {"frl_title": "a\x00b"}}]}, "scenes[0].texts.frl_title"),
    ({"scenes": [RIGHT | {"texts": {"frl_title": "\ud800"}}]}, "scenes[0].texts.frl_title"),
    ({"scenes": [RIGHT | {"colours": {"primary": "red"}}]}, "scenes[0].colours.primary"),
    ({"scenes": [RIGHT | {"pictures": {"frl_title": "no id"}}]}, "scenes[0].pictures.frl_title"),
    ({"colours": {"primry": "#112233"}}, "colours.primry"),
    ({"colours": {"primary": "#11223"}}, "colours.primary"),
    ({"preset": "none"}, "preset"),
    ({"background": "#12"}, "background"),
    *(({"width": width}, "width") for width in (161, 0, -2, 14, 4098, 10**9, 2**70, 160.5, "160")),
    *(({"rate": rate}, "rate") for rate in ([1, 1000], [30], [30, 1, 1], 0, 121, "30/1")),
    *(({"rate": rate}, "rate[0]") for rate in ([0, 1], [-1, 1], [10**9, 1], [30.5, 1])),
    ({"rate": [1, 0]}, "rate[1]"),
    *(({"scenes": [RIGHT | {"duration": seconds}]}, "scenes[0].duration") for seconds in (0, -1, 1e9, "x")),
    *(({"scenes": [RIGHT | {"speed": speed}]}, "scenes[0].speed") for speed in (0, 0.05, 11, 1e308, None)),
    ({"priority": 101}, "priority"),
    ({"quality": "best"}, "quality"),
    ({"zoom": 1}, "zoom"),
    ({"metadata": []}, "metadata"),
    ({"metadata": {"a": {"b": ["\x00"]}}}, "metadata.a.b[0]"),
    ({"metadata": {"a": "x" * 5000}}, "metadata"),
    ({"project_id": None}, "project_id"),
    ({"saved_project_id": str(uuid4())}, "project_id"),
]


async def test_every_wrong_value_of_a_render_is_refused_by_its_field(shop: Shop) -> None:
    for change, field in WRONG:
        answer = await shop.http.send("POST", "/v1/renders", shop.order(**change))
        is_problem(answer, 422, "", field)
        assert len(answer.raw) < 5000, "a problem does not send the whole mistake back"


async def test_all_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    types = {
        "scenes": {},
        "colours": [],
        "preset": 5,
        "audio": "x",
        "fonts": [1],
        "width": "w",
        "height": [],
        "rate": "3",
        "metadata": 1,
        "a": 1,
    }
    answer = await shop.http.send("POST", "/v1/renders", shop.order(**types))
    is_problem(answer, 422, "request.invalid")
    assert types.keys() <= {field.partition("[")[0] for field in answer.fields}
    bounds = {"width": 3, "height": 0, "background": "x", "colours": {"a": "b"}, "scenes": [{"scene": "z", "speed": 0}], "priority": -1}
    answer = await shop.http.send("POST", "/v1/renders", shop.order(**bounds))
    is_problem(answer, 422, "request.invalid")
    assert {"width", "height", "background", "colours.a", "scenes[0].speed", "priority"} <= answer.fields
    unknown = {"preset": "y", "colours": {"a": "#000000"}, "scenes": [{"scene": "z"}], "rate": [1, 1000]}
    answer = await shop.http.send("POST", "/v1/renders", shop.order(**unknown))
    is_problem(answer, 422)
    assert {"preset", "colours.a", "scenes[0].scene", "rate"} <= answer.fields
    many = await shop.http.send("POST", "/v1/renders", shop.order(scenes=[{"scene": ""}] * 3000))
    is_problem(many, 422, "render.unknown_scene")
    assert len(many.json["errors"]) == 50


RAW: list[tuple[bytes, int, str]] = [
    (b"{", 400, ""),
    (b"{} {}", 400, ""),
    (b'{"a":"\xff"}', 400, ""),
    (b"[" * 30_000 + b"]" * 30_000, 400, ""),
    (b'{"background":"\x00"}', 400, ""),
    (b"null", 422, ""),
    (b"[]", 422, ""),
    (b'{"metadata":' + b'{"a":' * 500 + b"1" + b"}" * 501, 422, "metadata"),
    *((b'{"scenes":[{"scene":"main","speed":' + number + b"}]}", 422, "scenes[0].speed") for number in (b"NaN", b"-Infinity", b"1e400")),
    (b'{"metadata":{"n":1e999}}', 422, "metadata.n"),
    (b'{"metadata":"' + b"x" * 70_000 + b'"}', 413, ""),
]


async def test_a_body_that_is_no_request_is_refused_as_such(shop: Shop) -> None:
    for body, status, field in RAW:
        await refused(shop, "POST", "/v1/renders", body, status, "", field)
    await refused(shop, "POST", "/v1/renders", b"{}", 415, "request.media_type", "Content-Type", Content_Type="text/plain")
    await refused(shop, "POST", "/v1/renders", b"{}", 415, "request.media_type", "Content-Encoding", Content_Encoding="gzip")
    await refused(shop, "POST", "/v1/renders?dryrun=true", shop.order(), 400, "request.parameter", "dryrun")
    await refused(shop, "GET", "/v1/renders?stat=failed", None, 400, "request.parameter", "stat")
    await refused(shop, "GET", "/v1/renders/%00", None, 400, "request.malformed", "path")
    await refused(shop, "GET", "/v1/renders?state=%00", None, 400, "request.parameter", "state")


async def test_names_and_lists_of_other_things_have_their_bounds(shop: Shop) -> None:
    project = {"project_id": shop.project, "name": "n" * 201}
    await refused(shop, "POST", "/v1/saved-projects", project, 422, "request.invalid", "name")
    values = [{"scene": "main", "texts": {"frl_title": "w" * 4900}}] * 12
    await refused(shop, "POST", "/v1/saved-projects", project | {"name": "", "scenes": values}, 422, "studio.too_large", "scenes")
    await refused(shop, "POST", "/v1/projects", {"name": "n" * 201, "file_id": shop.file}, 422, "request.invalid", "name")
    await refused(shop, "POST", "/v1/api-keys", {"name": "n" * 201, "scopes": ["*"]}, 422, "request.invalid", "name")
    await refused(shop, "POST", "/v1/api-keys", {"name": "n", "scopes": ["nope"]}, 422, "request.invalid", "scopes[0]")


async def test_metadata_comes_back_as_it_was_sent_whatever_it_is(shop: Shop) -> None:
    sent: dict[str, Any] = {"k" * 1000: "\\u0000 is six letters", "big": 2**70, "list": [None, True, {"€": "\U0001f600\u202e"}], "deep": {}}
    for _ in range(25):
        sent["deep"] = {"d": sent["deep"]}
    job = await shop.http.render(shop.project, metadata=sent)
    assert (await shop.http.get(f"/v1/renders/{job}"))["metadata"] == sent
    assert (await shop.http.ended(job))["state"] == "completed"


async def test_characters_that_no_font_has_fail_their_film_and_are_named(shop: Shop) -> None:
    async def film(text: str) -> Json:
        scene = {"scene": "main", "texts": {"frl_title": text}, "duration": 0.1}
        return await shop.http.ended(await shop.http.render(shop.project, scenes=[scene]))

    for text, named in (("\u0ba4\u0bae", ("U+0BA4", "U+0BAE")), ("hi \u0995", ("U+0995",)), ("\ue000", ("U+E000",))):  # Tamil, Bengali
        row = await film(text)
        assert (row["state"], row["code"], row["field"]) == ("failed", "font.no_glyph", "frl_title"), row
        assert all(name in row["detail"] for name in named), row
    for text in (
        "abc \u202e def \u202c",
        "\u202b" * 500,
        "a\x01\x1b[31m\x7f",
        "a\u2028b\x0bc",
        "a" + "\u0301" * 500,
        "\u2066\u2067" * 200,
        "",
    ):
        assert (await film(text))["state"] == "completed", ascii(text)


async def test_one_idempotency_key_is_one_request_however_often_it_comes(shop: Shop) -> None:
    key = uuid4().hex
    answers = await asyncio.gather(*(shop.http.send("POST", "/v1/renders", shop.order(), Idempotency_Key=key) for _ in range(6)))
    assert {answer.status for answer in answers} == {201}
    assert len({json.dumps(answer.json, sort_keys=True) for answer in answers}) == 1
    await refused(shop, "POST", "/v1/renders", shop.order(width=320), 422, "idempotency.other_body", Idempotency_Key=key)
    key = uuid4().hex
    mixed = await asyncio.gather(
        *(shop.http.send("POST", "/v1/renders", shop.order(priority=n % 2), Idempotency_Key=key) for n in range(6))
    )
    assert len({answer.json["job_id"] for answer in mixed if answer.status == 201}) == 1
    assert all(answer.status == 201 or answer.json["code"] == "idempotency.other_body" for answer in mixed)
    await refused(shop, "POST", "/v1/renders", shop.order(), 400, "request.parameter", "Idempotency-Key", Idempotency_Key="a b")


async def test_a_render_is_cancelled_once_at_any_stage_and_its_node_goes_on(shop: Shop) -> None:
    project = (await shop.http.template("heavy.json", heavy(3)))["project_id"]
    for number, reached in enumerate(("queued", "rendering")):
        job = (await shop.http.post("/v1/renders", {"project_id": project, "background": f"#00000{number}"}))["job_id"]
        assert (await shop.http.get(f"/v1/renders/{job}"))["job_id"] == job  # at once, without waiting for the farm
        if reached == "rendering":
            await shop.http.until(f"/v1/renders/{job}", lambda row: row["state"] != "queued")
        told = await asyncio.gather(*(shop.http.send("POST", f"/v1/renders/{job}/cancel", {}) for _ in range(3)))
        assert sorted(answer.status for answer in told) == [200, 409, 409], told
        assert (await shop.http.ended(job))["state"] == "cancelled"
        await refused(shop, "POST", f"/v1/renders/{job}/cancel", {}, 409, "render.ended", "job_id")
    done = await shop.http.render(shop.project)
    assert (await shop.http.ended(done))["state"] == "completed"
    await refused(shop, "POST", f"/v1/renders/{done}/cancel", {}, 409, "render.ended")
    await refused(shop, "POST", f"/v1/renders/{uuid4()}/cancel", {}, 404, "", "job_id")
