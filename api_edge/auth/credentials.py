"""What callers prove themselves by: API keys, all in memory (api_edge.auth.keys); what is too many or short-lived has a store of its
own."""

from typing import Any, Protocol

from api_edge.auth.principals import Principal


class CredentialStore(Protocol):
    """Knows the credentials of one kind, such as sessions; it stands in `Edge.stores`.

    It may ask a database, or believe a token that proves itself and know only which of these have ended. It tells `Edge.streams.end_of`
    when one ends, so that open streams do; what it cannot tell because something is away, it refuses as unavailable (503). Whoever brings
    something wrong is not counted by anybody yet: a store that looks things up bounds what strangers have it look for.
    """

    def presented(self, request: Any) -> str | None:
        """What of its kind a request brings; None for nothing. It looks nothing up.

        What a program says in a header goes before what a browser adds: a cookie counts only where neither `Authorization` nor `X-Api-Key`
        is there, and for what changes anything only beside a header that no page of somebody else's can have sent.
        """

    async def principal(self, presented: str) -> Principal:
        """Who brings it. Raises Refused (401) for what is unknown, over or ended."""

    def stands(self, who: Principal) -> bool:
        """Whether it is not one of its own that has ended since; True for those of other stores."""
