"""Categories: the names under which a tenant's templates are found."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.visibility import Public

Name = Public[Annotated[str, Meta(min_length=1, max_length=200)]]
State = Literal["active", "deleted"]


class Category(Row, frozen=True, kw_only=True):
    """A category."""

    category_id: Public[UUID]
    name: Name
    state: Public[State] = "active"


CATEGORIES = Entity(
    "content.categories", Category, key=("category_id",), unique=(("name",),), over=("deleted",), about="template categories"
)


class CategoryAnswer(Struct, frozen=True):
    """What became of a category."""

    category_id: UUID
    state: State = "active"


@message("content.category.create")
class CreateCategory(Command[CategoryAnswer], frozen=True, kw_only=True):
    """Make a category, under a name that no other has."""

    name: Name


@message("content.category.created", public=True)
class CategoryCreated(Event, frozen=True, kw_only=True):
    """A category exists."""

    category_id: Public[UUID]
    name: Name


@message("content.category.rename")
class RenameCategory(Command[CategoryAnswer], frozen=True, kw_only=True):
    """Give a category another name."""

    category_id: UUID
    name: Name


@message("content.category.renamed", public=True)
class CategoryRenamed(Event, frozen=True, kw_only=True):
    """A category has this name from now on."""

    category_id: Public[UUID]
    name: Name


@message("content.category.delete")
class DeleteCategory(Command[CategoryAnswer], frozen=True, kw_only=True):
    """Delete a category; its name is free again."""

    category_id: UUID


@message("content.category.deleted", public=True)
class CategoryDeleted(Event, frozen=True, kw_only=True):
    """A category is gone."""

    category_id: Public[UUID]
