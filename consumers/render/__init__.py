"""render: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.render import control, dispatch, failures, inspections, jobs, nodes, parts, projections, shares
from consumers.render.rows import (
    CRASHES,
    EXPORTS,
    FILES,
    INSPECTIONS,
    JOB_SEGMENTS,
    JOB_SPECS,
    JOBS,
    NODES,
    PARTS,
    SEGMENTS,
    SHARES,
    TEMPLATES,
)
from consumers.runtime.domain import Domain
from consumers.runtime.projection import create, nothing, upsert
from contracts import farm, file_mgr, identity, node, render, studio
from contracts.audit import QUARANTINED, REFUSED

DOMAIN = Domain(
    name="render",
    tables=(NODES, CRASHES, JOBS, JOB_SPECS, EXPORTS, JOB_SEGMENTS, SEGMENTS, PARTS, INSPECTIONS, FILES, TEMPLATES, SHARES),
    decides={
        render.SubmitJob: jobs.submit,
        render.PlanJob: jobs.plan_job,
        render.CancelJob: jobs.cancel,
        render.PauseJob: control.pause,
        render.ResumeJob: control.resume,
        render.RescheduleJob: control.reschedule,
        render.FailJob: control.fail,
        render.AssignPart: parts.assign,
        render.ExpirePart: parts.expire,
        render.RequestInspection: inspections.request,
        farm.LoseNode: nodes.lose,
        farm.LearnShare: shares.learn,
        node.RegisterNode: nodes.register,
        node.LeaveNode: nodes.leave,
        node.ReportSegment: parts.report_segment,
        node.ReportExport: parts.report_export,
        node.ReportInspection: inspections.report,
        node.ReportFailure: failures.report_failure,
        node.ReportCrash: failures.report_crash,
    },
    reacts={
        identity.TenantCreated: shares.on_tenant,
        identity.TenantLimitsChanged: shares.on_tenant,
        studio.RenderRequested: jobs.on_render_requested,
        file_mgr.FileStored: inspections.on_file_stored,
    },
    writes={
        render.JobSubmitted: projections.job_submitted,
        render.JobPlanned: projections.job_planned,
        render.SegmentsPlanned: projections.segments_planned,
        render.JobStarted: upsert(JOBS, state="rendering"),
        render.JobAdvanced: upsert(JOBS),
        render.JobAssembling: upsert(JOBS, state="assembling"),
        render.JobCompleted: projections.job_completed,
        render.JobFailed: upsert(JOBS, state="failed"),
        render.JobCancelled: upsert(JOBS, state="cancelled"),
        render.JobPaused: upsert(JOBS, paused=True),
        render.JobResumed: upsert(JOBS, paused=False),
        render.JobRescheduled: upsert(JOBS),
        render.PartAssigned: projections.part_assigned,
        render.PartEnded: projections.part_ended,
        render.SegmentVerified: projections.segment_verified,
        render.InspectionRequested: create(INSPECTIONS),
        render.InspectionEnded: projections.inspection_ended,
        farm.NodeRegistered: upsert(NODES, state="active"),
        farm.NodeLost: upsert(NODES, state="lost"),
        farm.NodeLeft: upsert(NODES, state="left"),
        farm.NodeCrashed: create(CRASHES),
        farm.ShareLearned: upsert(SHARES),
        REFUSED["render"]: nothing,
        QUARANTINED["render"]: nothing,
    },
    effects={
        render.PartAssigned: dispatch.on_assigned,
        render.PartEnded: dispatch.on_ended,
    },
    runs={"dispatch": dispatch.dispatch, "stop": dispatch.stop},
)
