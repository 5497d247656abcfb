"""Categories."""

from api_edge.entities import reads
from api_edge.routing import CommandRoute
from contracts.content.categories import CATEGORIES, CreateCategory, DeleteCategory, RenameCategory

LIST, ONE = "/v1/categories", "/v1/categories/{category_id}"
COMMANDS = [
    CommandRoute("POST", LIST, CreateCategory, "content:write", "Make a category", answers=201, location=ONE),
    CommandRoute("PUT", ONE, RenameCategory, "content:write", "Rename a category"),
    CommandRoute("DELETE", ONE, DeleteCategory, "content:write", "Delete a category"),
]
QUERIES = reads(CATEGORIES, LIST, "content:read", "Read a category", "List categories")
