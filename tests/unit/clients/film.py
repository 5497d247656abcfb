"""A film through a generated client, as somebody writes it who has nothing but the description; and mistakes that it must find."""

from uuid import UUID

from flatrender_client import AuthenticatedClient
from flatrender_client.api.renders import get_render_by_id, get_renders, post_cancel_job, post_request_render
from flatrender_client.api.uploads import get_upload_by_id, post_start_upload
from flatrender_client.models import (
    ChosenSceneInput,
    JobAnswer,
    PostRequestRender,
    PostStartUpload,
    ProblemBody,
    RenderAnswer,
    RenderRehearsal,
    RenderRow,
    RenderRowPage,
    UploadAnswer,
    UploadRow,
)

client = AuthenticatedClient(base_url="https://example.invalid", token="fr1_…")


def film(size: int, project: UUID) -> str:
    announced = post_start_upload.sync(client=client, body=PostStartUpload(name="logo.png", bytes_=size))
    if isinstance(announced, ProblemBody):
        return f"{announced.code}: {announced.detail}"
    if not isinstance(announced, UploadAnswer):
        return "later"
    upload = get_upload_by_id.sync(announced.upload_id, client=client, first_part=1)
    if isinstance(upload, UploadRow):
        print([part.url for part in upload.parts], announced.part_count + 1)
    body = PostRequestRender(
        project_id=project, scenes=[ChosenSceneInput(scene="intro", speed=1.5)], width=1920, rate=[30000, 1001], quality="high"
    )
    asked = post_request_render.sync(client=client, body=body, dry_run=False, idempotency_key="film-1")
    if isinstance(asked, RenderRehearsal):
        return f"{asked.frames} frames, {asked.duration} s, {[warning.detail for warning in asked.warnings]}"
    if not isinstance(asked, RenderAnswer):
        return "later"
    row = get_render_by_id.sync(asked.job_id, client=client)
    return ended(row) if isinstance(row, RenderRow) else "gone"


def ended(row: RenderRow) -> str:
    if row.state == "completed":
        return row.url if row.file == "whole" else row.file
    return f"{row.frames_done} of {row.frames_total}, due {row.deadline.isoformat() if row.deadline else 'never'}"


def lists() -> list[UUID]:
    page = get_renders.sync(client=client, state="failed", limit=50)
    return [row.job_id for row in page.data] if isinstance(page, RenderRowPage) else []


def mistakes(row: RenderRow, answer: JobAnswer) -> None:
    if row.state == "finished":  # type: ignore[comparison-overlap]
        return
    print(row.object_key)  # type: ignore[attr-defined]
    print(answer.paused)  # type: ignore[attr-defined]
    post_start_upload.sync(client=client, body=PostStartUpload(bytes_=1))  # type: ignore[call-arg]
    get_renders.sync(client=client, state="finished")  # type: ignore[arg-type]
    post_cancel_job.sync(client=client)  # type: ignore[call-arg]
