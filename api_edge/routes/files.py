"""Uploads and files."""

from api_edge import presenters, rows
from api_edge.routing import CommandRoute, QueryRoute
from contracts.file_mgr import AbortUpload, CompleteUpload, StartUpload

COMMANDS = [
    CommandRoute("POST", "/v1/uploads", StartUpload, "files:write", "Announce a file", answers=201, location="/v1/uploads/{upload_id}"),
    CommandRoute("POST", "/v1/uploads/{upload_id}/complete", CompleteUpload, "files:write", "Say that all parts were sent"),
    CommandRoute("POST", "/v1/uploads/{upload_id}/abort", AbortUpload, "files:write", "Give an upload up"),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/uploads/{upload_id}",
        "upload_by_id",
        "files:read",
        "Read an upload",
        rows.UploadRow,
        one=True,
        reads=("first_part",),
        present=presenters.upload,
    ),
    QueryRoute(
        "GET",
        "/v1/uploads",
        "uploads",
        "files:read",
        "List uploads",
        rows.UploadRow,
        keyset=("created_at", "upload_id"),
        present=presenters.upload,
    ),
    QueryRoute("GET", "/v1/files/{file_id}", "file_by_id", "files:read", "Read a file", rows.FileRow, one=True, present=presenters.file),
    QueryRoute(
        "GET", "/v1/files", "files", "files:read", "List files", rows.FileRow, keyset=("created_at", "file_id"), present=presenters.file
    ),
]
