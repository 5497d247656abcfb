"""What a person can put right: the one kind of error that ends a command without a traceback."""

from collections.abc import Sequence


class Mistake(Exception):
    """A problem with its code (area.reason), the field that it is about, and what to do; ends a command with exit code 1."""

    def __init__(self, code: str, detail: str, field: str = "", remedy: str = "", errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field, self.remedy = code, detail, field, remedy
        self.errors = tuple(errors)

    @property
    def lines(self) -> list[str]:
        """The problem in words: what, where, every further error, and what to do."""
        # A list of errors repeats the first problem, so that one is told once, in the list.
        told = [_told(error.get("code", ""), error.get("field", ""), error.get("detail", "")) for error in self.errors]
        plain = _told(self.code, self.field, self.detail)
        repeated = len(told) == 1 and told[0] == plain
        lines = (
            [plain] if repeated or not told else [f"{self.code}: {self.detail}" if plain not in told else f"{len(told)} problems:", *told]
        )
        return [*lines, *([f"What to do: {self.remedy}"] if self.remedy else [])]

    @property
    def facts(self) -> dict[str, object]:
        """The problem as JSON."""
        facts = {"code": self.code, "detail": self.detail, "field": self.field, "remedy": self.remedy, "errors": list(self.errors)}
        return {name: value for name, value in facts.items() if value}


def _told(code: str, field: str, detail: str) -> str:
    where = f" at {field}" if field else ""
    return f"{code}{where}: {detail}" if code else f"  {field}: {detail}" if field else f"  {detail}"
