"""Routes of file_mgr: uploads and files."""

from api_edge.routes.file_mgr import files, uploads
from api_edge.routing import CommandRoute, QueryRoute

COMMANDS: list[CommandRoute] = [*files.COMMANDS, *uploads.COMMANDS]
QUERIES: list[QueryRoute] = [*files.QUERIES, *uploads.QUERIES]
