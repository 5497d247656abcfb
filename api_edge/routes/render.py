"""Renders, their parts, the farm's nodes, and what died on them."""

from typing import get_args

from api_edge import rows, serving
from api_edge.explaining import explain
from api_edge.queries import AN_ID, one_of
from api_edge.routing import CommandRoute, QueryRoute
from contracts.farm import CrashKind, DrainNode, MaintainNode, OpenNode, ReleaseTemplate
from contracts.render import CancelJob, JobState, PauseJob, RescheduleJob, ResumeJob
from contracts.repair import RequestRepair

COMMANDS = [
    CommandRoute("POST", "/v1/renders/{job_id}/cancel", CancelJob, "render:write", "Stop a render"),
    CommandRoute("POST", "/v1/renders/{job_id}/pause", PauseJob, "render:write", "Give a render no more slots"),
    CommandRoute("POST", "/v1/renders/{job_id}/resume", ResumeJob, "render:write", "Let a paused render go on"),
    CommandRoute("POST", "/v1/renders/{job_id}/reschedule", RescheduleJob, "render:write", "Change a render's priority or deadline"),
    CommandRoute("POST", "/v1/renders/{job_id}/repair", RequestRepair, "render:write", "Have frames of a render drawn again"),
    CommandRoute("POST", "/v1/nodes/{node_id}/drain", DrainNode, "farm:write", "Give a node no more work", farm=True),
    CommandRoute("POST", "/v1/nodes/{node_id}/maintain", MaintainNode, "farm:write", "Keep a node from work until it is opened", farm=True),
    CommandRoute("POST", "/v1/nodes/{node_id}/open", OpenNode, "farm:write", "Put a node back to work", farm=True),
    CommandRoute(
        "POST",
        "/v1/set-aside-templates/{template}/release",
        ReleaseTemplate,
        "render:write",
        "Let a set-aside template be drawn again",
        texts=("template",),
    ),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/snapshots/{snapshot_id}",
        "snapshot_by_id",
        "render:read",
        "Read a picture of a scene",
        rows.SnapshotRow,
        one=True,
        complete=serving.snapshot,
    ),
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}",
        "render_by_id",
        "render:read",
        "Read a render",
        rows.RenderRow,
        one=True,
        complete=serving.export,
    ),
    QueryRoute(
        "GET",
        "/v1/renders",
        "renders",
        "render:read",
        "List renders",
        rows.RenderRow,
        keyset=("created_at", "job_id"),
        filters={"state": one_of(*get_args(JobState))},
        bounded=True,
    ),
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/explain",
        "explain_render",
        "render:read",
        "Explain why a render waits, is slow or failed",
        rows.ExplanationRow,
        one=True,
        farm=True,
        present=explain,
    ),
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/parts",
        "parts_of_render",
        "render:read",
        "List which nodes drew what",
        rows.RenderPartRow,
        keyset=("created_at", "part_id"),
        farm=True,
    ),
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/repairs",
        "repairs_of_render",
        "render:read",
        "List what of a render was drawn again",
        rows.RepairRow,
        keyset=("created_at", "repair_id"),
    ),
    QueryRoute("GET", "/v1/nodes", "nodes", "render:read", "List the farm's nodes", rows.NodeRow, keyset=("name", "node_id"), farm=True),
    QueryRoute("GET", "/v1/nodes/{node_id}", "node_by_id", "render:read", "Read a node", rows.NodeRow, one=True, farm=True),
    QueryRoute(
        "GET",
        "/v1/nodes/{node_id}/health",
        "node_health",
        "farm:read",
        "List how a node fared",
        rows.NodeHealthRow,
        keyset=("at",),
        farm=True,
    ),
    QueryRoute(
        "GET",
        "/v1/node-crashes",
        "node_crashes",
        "farm:read",
        "List what died on nodes",
        rows.NodeCrashRow,
        keyset=("created_at", "crash_id"),
        filters={"node_id": AN_ID, "kind": one_of(*get_args(CrashKind))},
        farm=True,
    ),
    QueryRoute(
        "GET",
        "/v1/templates/set-aside",
        "templates_set_aside",
        "render:read",
        "List templates that are not drawn",
        rows.SetAsideTemplateRow,
        keyset=("template",),
    ),
]
