"""What a handler of commands answers: a status, headers and a body, written as aiohttp's answer or straight onto a connection."""

from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_OF_EACH = 5  # line ends of an answer without headers of its own


class Answer(msgspec.Struct):
    """An answer that is whole; its headers may still be added to."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> web.Response:
        """The same for aiohttp."""
        response = web.Response(body=self.body, status=self.status, headers=self.headers)
        if self.status == HTTPStatus.REQUEST_TIMEOUT:  # what comes yet of the body is nobody's
            response.force_close()
        return response

    def written(self) -> bytes:
        """The same as HTTP/1.1 on a connection that is kept. Raises ValueError for a line break in a header."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        head = (
            f"{_LINES[self.status]}{lines}Content-Length: {len(self.body)}\r\n"
            f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
        )
        expected = _OF_EACH + len(self.headers)
        if head.count("\n") != expected or head.count("\r") != expected:
            raise ValueError("a header of an answer may not contain a line break")
        return head.encode() + self.body
