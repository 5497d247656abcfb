"""A store of sessions such as the edge may be given beside its API keys: persons, persons who act as others, and what ends them."""

from contextlib import contextmanager
from secrets import token_hex
from uuid import uuid4

import aiohttp

from api_edge.auth.principals import SessionPrincipal
from api_edge.auth.secret_texts import secret_hash
from api_edge.errors import Refused, unavailable

MARK, COOKIE = "fs1_", "session"


class Sessions:
    """Knows sessions by the hash of their text, which a cookie or the bearer brings."""

    def __init__(self, edge):
        self.edge, self.away = edge, False
        self._known, self._ended = {}, set()

    def begin(self, tenant, scopes, roles=("editor",), acting_as=None):
        """A new session; its principal and its text."""
        text = MARK + token_hex(16)
        who = self._known[secret_hash(text)] = SessionPrincipal.of(tenant, uuid4(), uuid4(), roles, scopes, acting_as)
        return who, text

    def end(self, who):
        """It is over."""
        self._ended.add(who.credential)
        self.edge.streams.end_of(who.credential, "the session is over")

    def presented(self, request):
        if (said := request.headers.get("Authorization")) is not None:
            scheme, _, text = said.partition(" ")
            return text if scheme == "Bearer" and text.startswith(MARK) else None
        name, _, text = request.headers.get("Cookie", "").partition("=")
        return text if name == COOKIE and "X-Api-Key" not in request.headers else None

    async def principal(self, presented):
        if self.away:
            raise unavailable("database")
        who = self._known.get(secret_hash(presented))
        if who is None or who.credential in self._ended:
            raise Refused("auth.invalid", "This session is unknown or over.")
        return who

    def stands(self, who):
        return who.credential not in self._ended


@contextmanager
def sessions(edge):
    """The edge has such a store within the block."""
    store = Sessions(edge)
    edge.stores.append(store)
    try:
        yield store
    finally:
        edge.stores.remove(store)


def asking(edge, text):
    """A client that brings a session as the bearer."""
    return aiohttp.ClientSession(edge.url, headers={"Authorization": f"Bearer {text}"})
