"""Who may see a field is said at the field, and nowhere else."""

import msgspec
import pytest

from contracts.catalogue import structs
from contracts.message import Event, MessageType, all_types
from contracts.visibility import Visibility, markers, visibility, visible

PUBLIC = [entry for entry in all_types() if entry.public]


@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
def test_every_field_of_what_tenants_are_told_says_who_may_see_it(entry: MessageType) -> None:
    """A field without a marker is hidden, which nobody would notice at once."""
    told = [entry.cls, *(cls for cls in structs([visible(entry.cls)]) if cls.__module__.startswith("contracts."))]
    silent = [f"{cls.__name__}.{field.name}" for cls in told for field in msgspec.structs.fields(cls) if visibility(field.type) is None]
    assert silent == []


def test_what_is_secret_or_a_persons_is_so_in_every_message_that_has_it() -> None:
    """What one message keeps closed under a name is not open under the same name in another."""
    closed: dict[str, set[str]] = {}
    open_: dict[str, set[str]] = {}
    for cls in structs(entry.cls for entry in all_types() if issubclass(entry.cls, Event)):
        for name, marker in markers(cls).items():
            if marker > Visibility.INTERNAL:
                closed.setdefault(name, set()).add(cls.__name__)
            if marker is Visibility.PUBLIC:
                open_.setdefault(name, set()).add(cls.__name__)
    assert closed
    assert {name: (closed[name], open_[name]) for name in closed.keys() & open_.keys()} == {}
