"""Routes of file_mgr: uploads and files."""

from api_edge.routes.file_mgr import files, uploads
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (files, uploads)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
