"""The one handler for every query: a named statement on schema read, for the caller's tenant, page by page."""

from typing import Any, get_type_hints
from uuid import UUID

import msgspec
from aiohttp import web

from api_edge.auth.admission import admitted
from api_edge.edge import Call, Edge
from api_edge.errors import Refused, unavailable
from api_edge.handlers import cursors
from api_edge.handlers.masks import shown_row
from api_edge.http.bodies import path_names
from api_edge.routing import Filter, QueryRoute, Row
from api_edge.stream.resuming import behind
from contracts.message import PLATFORM
from contracts.positions import PATTERN

_encode = msgspec.json.Encoder().encode


class QueryHandler:
    """Handles one route of the table; all routes have this same handler.

    A statement's parameters are: the tenant, the path's values, the filters, and for a list the cursor's values and the number of rows.
    """

    def __init__(self, route: QueryRoute) -> None:
        self.route = route
        self._names = path_names(route.path)
        self._parameters = (*route.filters, *route.reads, *(() if route.one else ("limit", "cursor")))
        self._text = route.text
        hints = get_type_hints(route.row)
        self._kinds = tuple(hints[column] for column in route.keyset)
        self._unsaid = {field.name: field.default for field in msgspec.structs.fields(route.row) if not field.required}
        self._shown = shown_row(route.row)

    async def __call__(self, edge: Edge, call: Call) -> web.Response:
        who = await admitted(edge, call, self.route)
        call.only(self._parameters)
        args = [who.tenant, *self._path_values(edge, call), *self._filter_values(edge, call)]
        if edge.reader is None:
            raise unavailable("database")
        tenants = f"{who.tenant_text},{PLATFORM}" if self.route.reads_platform else who.tenant_text
        limit = 0
        if not self.route.one:
            limit = cursors.limit_of(call.query("limit"))
            cursor = call.query("cursor")
            args += cursors.read(cursor, self.route.query, _epoch(edge), self._kinds) if cursor else cursors.beginning(self._kinds)
            args.append(limit + 1)
        if self.route.walk:
            return await self._walked(edge, call, args)
        found = await edge.reader.run(self._text, tenants, *args)
        headers = {"X-Log-Position": found.position, "Cache-Control": "no-store"}
        return await self._one(edge, call, found.rows, headers) if self.route.one else self._page(edge, call, found.rows, limit, headers)

    def _path_values(self, edge: Edge, call: Call) -> list[Any]:
        values: list[Any] = []
        for name in self._names:
            if convert := self.route.params.get(name):
                values.append(convert(edge, call, call.request.match_info[name]))
            else:
                value = call.path_uuid(name)
                if value is None:
                    raise _not_found(self._names)
                values.append(value)
        return values

    def _filter_values(self, edge: Edge, call: Call) -> list[Any]:
        values: list[Any] = []
        for name, narrow in self.route.filters.items():
            text = call.query(name)
            try:
                values.append(None if text is None else narrow.read(edge, text))
            except ValueError as error:
                raise Refused("request.parameter", f"{name}: {error}.", name) from None
        return values

    async def _one(self, edge: Edge, call: Call, rows: list[Row], headers: dict[str, str]) -> web.Response:
        if not rows and not self.route.may_be_empty:
            raise _not_found(self._names)
        found = rows
        if self.route.present:
            rows = self.route.present(edge, call, rows)
        row = rows[0]
        if self.route.complete and found:
            await self.route.complete(edge, call, found[0], row)
        row = self._unsaid | row
        if "version" in row:
            headers["ETag"] = f'"{row["version"]}"'
            # Addresses in an answer expire, so an answer with them is given anew however old the row is.
            if not (self.route.present or self.route.complete) and call.request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers=headers)
        return _json(self._shown(row), headers)

    async def _walked(self, edge: Edge, call: Call, args: list[Any]) -> web.Response:
        assert self.route.walk
        page = await self.route.walk(edge, args)
        (column,) = self.route.keyset
        cursor = None if page.reached is None else cursors.make(self.route.query, _epoch(edge), (column,), {column: page.reached})
        rows = self.route.present(edge, call, page.rows) if self.route.present else page.rows
        return _json({"data": self._whole(rows), "next_cursor": cursor}, {"X-Log-Position": page.position, "Cache-Control": "no-store"})

    def _page(self, edge: Edge, call: Call, rows: list[Row], limit: int, headers: dict[str, str]) -> web.Response:
        # Where a statement does not look at all rows, a last one without a version says up to where it looked.
        looked = rows.pop() if rows and rows[-1].get("version", 0) is None else None
        more = len(rows) > limit
        rows = rows[:limit]
        last = rows[-1] if more else looked
        cursor = cursors.make(self.route.query, _epoch(edge), self.route.keyset, last) if last else None
        if self.route.present:
            rows = self.route.present(edge, call, rows)
        return _json({"data": self._whole(rows), "next_cursor": cursor}, headers)

    def _whole(self, rows: list[Row]) -> list[Row]:
        """The rows with every field that clients are told of, and no other."""
        return [self._shown(self._unsaid | row) for row in rows]


def _json(value: Any, headers: dict[str, str]) -> web.Response:
    headers["Content-Type"] = "application/json"
    return web.Response(body=_encode(value), headers=headers)


def _not_found(names: tuple[str, ...]) -> Refused:
    what = names[-1].removesuffix("_id") if names else "thing"
    return Refused(f"{what}.not_found", f"There is no such {what.replace('_', ' ')}.", names[-1] if names else "")


def _epoch(edge: Edge) -> int:
    return edge.feed.head.epoch if edge.feed else 0


def _uuid(edge: Edge, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("it must be a UUID") from None


def _text(edge: Edge, text: str) -> str:
    if not 0 < len(text) <= 100:
        raise ValueError("it must have 1 to 100 characters")
    return text


def _boolean(edge: Edge, text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("it must be true or false")
    return text == "true"


def _position(edge: Edge, text: str) -> int:
    """Raises Refused for one of a log that is no more."""
    if edge.feed is None:
        raise unavailable("feed")
    return behind(edge.feed.head, text, "after")


AN_ID = Filter(_uuid, {"type": "string", "format": "uuid"})
A_WORD = Filter(_text, {"type": "string", "minLength": 1, "maxLength": 100})
YES_OR_NO = Filter(_boolean, {"type": "boolean"})
A_POSITION = Filter(_position, {"type": "string", "pattern": PATTERN})


def one_of(*words: str) -> Filter:
    """A filter that is one of these words."""

    def read(edge: Edge, text: str) -> str:
        if text not in words:
            raise ValueError(f"it must be one of {', '.join(words)}")
        return text

    return Filter(read, {"type": "string", "enum": list(words)})
