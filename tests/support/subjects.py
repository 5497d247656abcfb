"""Subjects of NATS, as the server compares them."""


def takes(pattern: str, subject: str) -> bool:
    """Whether a pattern with `*` and `>` takes a subject."""
    wanted, given = pattern.split("."), subject.split(".")
    for position, token in enumerate(wanted):
        if token == ">":
            return len(given) > position
        if position >= len(given) or token not in ("*", given[position]):
            return False
    return len(wanted) == len(given)
