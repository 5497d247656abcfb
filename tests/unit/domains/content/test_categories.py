from typing import Any
from uuid import uuid4

from consumers.content import DOMAIN
from consumers.content.categories import CATEGORIES
from contracts.content.categories import CreateCategory, DeleteCategory, RenameCategory
from tests.unit.domains.world import World, kinds, refused


def made(world: World, name: str) -> Any:
    [created] = world.do(CreateCategory(name=name))
    return created.category_id


def test_a_category_is_made_renamed_and_deleted() -> None:
    world = World(DOMAIN)
    category = made(world, "openers")
    assert world.answer == {"category_id": category, "state": "active"}
    assert kinds(world.do(RenameCategory(category_id=category, name="intros"))) == ["CategoryRenamed"]
    assert kinds(world.do(RenameCategory(category_id=category, name="intros"))) == []
    assert kinds(world.do(DeleteCategory(category_id=category))) == ["CategoryDeleted"]
    row = world.row(CATEGORIES, category)
    assert (row.name, row.state, row.version) == ("intros", "deleted", 3)


def test_a_name_belongs_to_one_category_until_it_is_renamed_or_deleted() -> None:
    world = World(DOMAIN)
    first, second = made(world, "a"), made(world, "b")
    assert refused(world.do(CreateCategory(name="a"))) == "category.exists"
    assert refused(world.do(RenameCategory(category_id=second, name="a"))) == "category.exists"
    world.do(RenameCategory(category_id=first, name="c"))
    world.do(RenameCategory(category_id=second, name="a"))
    world.do(DeleteCategory(category_id=first))
    assert world.row(CATEGORIES, made(world, "c")).name == "c"


def test_what_is_deleted_or_was_never_there_is_not_found() -> None:
    world = World(DOMAIN)
    category = made(world, "a")
    world.do(DeleteCategory(category_id=category))
    for gone in (category, uuid4()):
        assert refused(world.do(RenameCategory(category_id=gone, name="b"))) == "category.not_found"
        assert refused(world.do(DeleteCategory(category_id=gone))) == "category.not_found"
