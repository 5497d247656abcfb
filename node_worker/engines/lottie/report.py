"""Collects what a person should know of a scene: once for each code and element."""

from contracts.spec import Warning

MOST = 200  # warnings of a scene


class Report:
    """The warnings of one preparation, in the order in which they were noticed."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Warning] = {}

    def __call__(self, code: str, detail: str, element: str = "") -> None:
        """Note a warning; the first of a code and element stands."""
        if len(self._seen) < MOST:
            self._seen.setdefault((code, element[:80]), Warning(code=code, detail=detail, element=element[:80]))

    def add(self, warnings: list[Warning]) -> None:
        """Note warnings that were made elsewhere."""
        for warning in warnings:
            self(warning.code, warning.detail, warning.element)

    @property
    def warnings(self) -> tuple[Warning, ...]:
        """All that was noted."""
        return tuple(self._seen.values())
