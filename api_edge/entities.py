"""What the edge reads of an entity, derived from its declaration: the row as clients see it, one by its key, a page newest first.

Statements with filters, joins or another order are written, in sql/read.
"""

from functools import cache
from typing import Any

import msgspec

from api_edge.routing import QueryRoute
from contracts.entity import Entity, Row
from contracts.visibility import Visibility, visible

_LAST = ("version", "created_at", "updated_at")


@cache
def row_of(entity: Entity[Any], added: type[msgspec.Struct] | None = None) -> type[msgspec.Struct]:
    """The entity's public fields, and those of `added`, which are no columns of its table: views or presenters add them.

    What the row is, its description has from the docstring of `added`, where there is one, else of the entity's row.
    """
    row: type[Row] = entity.row
    own = msgspec.structs.fields(visible(row))
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [(field.name, field.type) for field in own if field.name not in _LAST]
    for field in msgspec.structs.fields(added) if added else ():
        fields.append((field.name, field.type) if field.required else (field.name, field.type, field.default))
    fields += [(field.name, field.type) for field in own if field.name in _LAST]
    about = (added or entity.row).__doc__
    return msgspec.defstruct(f"{entity.row.__name__}Row", fields, namespace={"__doc__": about}, frozen=True, kw_only=True)


def one(entity: Entity[Any], path: str, scope: str, summary: str, *, also: type[msgspec.Struct] | None = None, **how: Any) -> QueryRoute:
    """One by its key, which the path names; `also` has what its presenter reads beside, `how` are further fields of the route."""
    at = " and ".join(f"{name} = ${number}" for number, name in enumerate(entity.key, 2))
    given: dict[str, Any] = {"row": row_of(entity), "one": True, "statement": f"{_selected(entity, also)} and {at}"}
    return QueryRoute("GET", path, f"{entity.thing}_by_id", scope, summary, **given | how)


def newest(entity: Entity[Any], path: str, scope: str, summary: str, *, also: type[msgspec.Struct] | None = None, **how: Any) -> QueryRoute:
    """A tenant's, a page at a time, along the index of that order; the first page begins before all moments, so that it is bounded too."""
    (id,) = entity.key
    text = f"{_selected(entity, also)} and (created_at, {id}) < ($2::timestamptz, $3::uuid)\norder by created_at desc, {id} desc\nlimit $4"
    given: dict[str, Any] = {"row": row_of(entity), "keyset": ("created_at", id), "statement": text}
    return QueryRoute("GET", path, entity.shown_as, scope, summary, **given | how)


def reads(entity: Entity[Any], path: str, scope: str, read: str, list_: str) -> list[QueryRoute]:
    """Both, where nothing is added: `/v1/categories/{category_id}` and `/v1/categories`."""
    return [one(entity, f"{path}/{{{entity.key[-1]}}}", scope, read), newest(entity, path, scope, list_)]


def _selected(entity: Entity[Any], also: type[msgspec.Struct] | None) -> str:
    beside = also.__struct_fields__ if also else ()
    names = [name for name in (*entity.fields(Visibility.PUBLIC), *beside) if name not in _LAST]
    return f"-- derived from {entity.table}\nselect {', '.join((*names, *_LAST))}\nfrom read.{entity.shown_as}\nwhere tenant_id = $1"
