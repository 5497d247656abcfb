"""Reading event streams."""

from collections.abc import AsyncIterator

from cli.sse import ServerEvent, events


async def _read(text: bytes) -> list[ServerEvent]:
    async def lines() -> AsyncIterator[bytes]:
        for line in text.splitlines(keepends=True):
            yield line

    return [event async for event in events(lines())]


async def test_an_event_has_its_type_id_and_data() -> None:
    assert await _read(b'id: 7\nevent: render.job.started\ndata: {"a": 1}\n\n') == [ServerEvent("render.job.started", "7", '{"a": 1}')]


async def test_comments_and_an_incomplete_last_event_are_left_out() -> None:
    assert await _read(b": alive\n\nretry: 1000\n\ndata: one\n\ndata: cut off\n") == [ServerEvent("message", "", "one")]


async def test_data_of_several_lines_is_joined_and_windows_line_ends_are_read() -> None:
    assert await _read(b"data: one\r\ndata:two\r\n\r\n") == [ServerEvent("message", "", "one\ntwo")]
