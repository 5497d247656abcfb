"""studio: a person's copy of a template with values of their own, frozen into what the farm renders."""

from contracts.studio import copies, renders, saved_projects, snapshots, values

__all__ = ["copies", "renders", "saved_projects", "snapshots", "values"]
