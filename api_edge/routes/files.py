"""Uploads and files."""

from api_edge import presenters, rows
from api_edge.entities import newest, one, row_of
from api_edge.routing import CommandRoute
from contracts.file_mgr import FILES, UPLOADS, AbortUpload, CompleteUpload, StartUpload

COMMANDS = [
    CommandRoute("POST", "/v1/uploads", StartUpload, "files:write", "Announce a file", answers=201, location="/v1/uploads/{upload_id}"),
    CommandRoute("POST", "/v1/uploads/{upload_id}/complete", CompleteUpload, "files:write", "Say that all parts were sent"),
    CommandRoute("POST", "/v1/uploads/{upload_id}/abort", AbortUpload, "files:write", "Give an upload up"),
]
UPLOAD = row_of(UPLOADS, rows.UploadParts)
FILE = row_of(FILES, rows.FileAddress)
QUERIES = [
    one(
        UPLOADS,
        "/v1/uploads/{upload_id}",
        "files:read",
        "Read an upload",
        also=rows.PlaceOfParts,
        row=UPLOAD,
        reads=("first_part",),
        present=presenters.upload,
    ),
    newest(UPLOADS, "/v1/uploads", "files:read", "List uploads", also=rows.PlaceOfParts, row=UPLOAD, present=presenters.upload),
    one(FILES, "/v1/files/{file_id}", "files:read", "Read a file", also=rows.PlaceOfFile, row=FILE, present=presenters.file),
    newest(FILES, "/v1/files", "files:read", "List files", also=rows.PlaceOfFile, row=FILE, present=presenters.file),
]
