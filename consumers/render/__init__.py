"""render: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.render import dispatch, failures, inspections, jobs, nodes, parts, projections
from consumers.render.rows import CRASHES, EXPORTS, FILES, INSPECTIONS, JOB_SEGMENTS, JOB_SPECS, JOBS, NODES, PARTS, SEGMENTS
from consumers.runtime.domain import Domain
from consumers.runtime.projection import create, nothing, together, upsert
from contracts import file_mgr, node, render, studio
from contracts.audit import QUARANTINED, REFUSED

DOMAIN = Domain(
    name="render",
    tables=(NODES, CRASHES, JOBS, JOB_SPECS, EXPORTS, JOB_SEGMENTS, SEGMENTS, PARTS, INSPECTIONS, FILES),
    decides={
        render.SubmitJob: jobs.submit,
        render.PlanJob: jobs.plan_job,
        render.CancelJob: jobs.cancel,
        render.AssignPart: parts.assign,
        render.ExpirePart: parts.expire,
        render.RequestInspection: inspections.request,
        render.LoseNode: nodes.lose,
        node.RegisterNode: nodes.register,
        node.LeaveNode: nodes.leave,
        node.ReportSegment: parts.report_segment,
        node.ReportExport: parts.report_export,
        node.ReportInspection: inspections.report,
        node.ReportFailure: failures.report_failure,
        node.ReportCrash: failures.report_crash,
    },
    reacts={
        studio.RenderRequested: jobs.on_render_requested,
        file_mgr.FileStored: inspections.on_file_stored,
    },
    writes={
        render.JobSubmitted: together(create(JOBS), projections.job_spec),
        render.JobPlanned: projections.job_planned,
        render.SegmentsPlanned: projections.segments_planned,
        render.JobStarted: upsert(JOBS, state="rendering"),
        render.JobAdvanced: upsert(JOBS),
        render.JobAssembling: upsert(JOBS, state="assembling"),
        render.JobCompleted: projections.job_completed,
        render.JobFailed: upsert(JOBS, state="failed"),
        render.JobCancelled: upsert(JOBS, state="cancelled"),
        render.PartAssigned: projections.part_assigned,
        render.PartEnded: projections.part_ended,
        render.SegmentVerified: projections.segment_verified,
        render.InspectionRequested: create(INSPECTIONS),
        render.InspectionEnded: projections.inspection_ended,
        render.NodeRegistered: upsert(NODES, state="active"),
        render.NodeLost: upsert(NODES, state="lost"),
        render.NodeLeft: upsert(NODES, state="left"),
        render.NodeCrashed: create(CRASHES),
        REFUSED["render"]: nothing,
        QUARANTINED["render"]: nothing,
    },
    effects={
        render.PartAssigned: dispatch.on_assigned,
        render.PartEnded: dispatch.on_ended,
    },
    runs={"dispatch": dispatch.dispatch, "stop": dispatch.stop},
)
