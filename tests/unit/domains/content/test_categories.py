from typing import Any
from uuid import uuid4

from consumers.content import DOMAIN
from consumers.content.categories import CATEGORIES
from contracts.content.categories import CreateCategory, DeleteCategory, RenameCategory
from tests.support.domain_harness import DomainHarness, kinds, refused


def made(harness: DomainHarness, name: str) -> Any:
    [created] = harness.do(CreateCategory(name=name))
    return created.category_id


def test_a_category_is_made_renamed_and_deleted() -> None:
    harness = DomainHarness(DOMAIN)
    category = made(harness, "openers")
    assert harness.answer == {"category_id": category, "state": "active"}
    assert kinds(harness.do(RenameCategory(category_id=category, name="intros"))) == ["CategoryRenamed"]
    assert kinds(harness.do(RenameCategory(category_id=category, name="intros"))) == []
    assert kinds(harness.do(DeleteCategory(category_id=category))) == ["CategoryDeleted"]
    row = harness.row(CATEGORIES, category)
    assert (row.name, row.state, row.version) == ("intros", "deleted", 3)


def test_a_name_belongs_to_one_category_until_it_is_renamed_or_deleted() -> None:
    harness = DomainHarness(DOMAIN)
    first, second = made(harness, "a"), made(harness, "b")
    assert refused(harness.do(CreateCategory(name="a"))) == "category.exists"
    assert refused(harness.do(RenameCategory(category_id=second, name="a"))) == "category.exists"
    harness.do(RenameCategory(category_id=first, name="c"))
    harness.do(RenameCategory(category_id=second, name="a"))
    harness.do(DeleteCategory(category_id=first))
    assert harness.row(CATEGORIES, made(harness, "c")).name == "c"


def test_what_is_deleted_or_was_never_there_is_not_found() -> None:
    harness = DomainHarness(DOMAIN)
    category = made(harness, "a")
    harness.do(DeleteCategory(category_id=category))
    for gone in (category, uuid4()):
        assert refused(harness.do(RenameCategory(category_id=gone, name="b"))) == "category.not_found"
        assert refused(harness.do(DeleteCategory(category_id=gone))) == "category.not_found"
