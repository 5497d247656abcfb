"""content: templates with what is in them, and the categories that they are found by."""

from contracts.content import categories, projects

__all__ = ["categories", "projects"]
