"""Categories: made, renamed and deleted; no two that are there have one name."""

from consumers.runtime.domain import Answer, Context, Decision
from consumers.runtime.rules import living, missing, taken
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.content import categories as c

CATEGORIES = Table.of(c.CATEGORIES)


def create(cmd: c.CreateCategory, view: View, ctx: Context) -> Decision[c.CategoryAnswer]:
    """Make a category."""
    created = c.CategoryCreated(category_id=ctx.id("category"), name=cmd.name)
    return taken(view, CATEGORIES, name=cmd.name) or Answer([created], c.CategoryAnswer(created.category_id))


def rename(cmd: c.RenameCategory, view: View, ctx: Context) -> Decision[c.CategoryAnswer]:
    """Give it another name; the name that it has is no change."""
    category = living(view, CATEGORIES, cmd.category_id)
    if category is None:
        return missing(CATEGORIES, cmd.category_id)
    if category.name == cmd.name:
        return Answer([], c.CategoryAnswer(cmd.category_id))
    renamed = c.CategoryRenamed(category_id=cmd.category_id, name=cmd.name)
    return taken(view, CATEGORIES, name=cmd.name) or Answer([renamed], c.CategoryAnswer(cmd.category_id))


def delete(cmd: c.DeleteCategory, view: View, ctx: Context) -> Decision[c.CategoryAnswer]:
    """Delete it, which frees its name."""
    if living(view, CATEGORIES, cmd.category_id) is None:
        return missing(CATEGORIES, cmd.category_id)
    return Answer([c.CategoryDeleted(category_id=cmd.category_id)], c.CategoryAnswer(cmd.category_id, "deleted"))
