"""render: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.render import services
from consumers.render.jobs import job, job_control
from consumers.render.kinds import exports, inspections, segments, snapshots
from consumers.render.nodes import enrolment, fault_attribution, node_control, registration
from consumers.render.nodes.enrolment import admitted
from consumers.render.parts import dispatch, failures, part
from consumers.render.parts.tools import tools
from consumers.render.repairs import frame_repair, object_checks
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
from consumers.render.rows.enrolment import JOIN_TOKENS, NODE_IDENTITIES
from consumers.render.rows.repairs import REPAIRS
from consumers.render.rows.snapshots import SNAPSHOTS
from consumers.runtime.common import WholeDomain
from consumers.runtime.copies import copy, last_word, noted
from consumers.runtime.projection import create, upsert
from consumers.runtime.reactions import Reaction
from consumers.runtime.retention_rules import Kept, Monthly
from contracts import enrolment as enrol
from contracts import farm, file_mgr, identity, node, render, repair, snapshot, studio
from contracts.audit import QUARANTINED, REFUSED

DOMAIN = WholeDomain(
    name="render",
    tables=(
        NODES,
        CRASHES,
        JOBS,
        JOB_SPECS,
        EXPORTS,
        JOB_SEGMENTS,
        SEGMENTS,
        PARTS,
        INSPECTIONS,
        FILES,
        TEMPLATES,
        SHARES,
        JOIN_TOKENS,
        NODE_IDENTITIES,
        REPAIRS,
        SNAPSHOTS,
    ),
    decides={
        render.SubmitJob: job.submit,
        render.PlanJob: job.plan_job,
        render.CancelJob: job.cancel,
        render.PauseJob: job_control.pause,
        render.ResumeJob: job_control.resume,
        render.RescheduleJob: job_control.reschedule,
        render.FailJob: job_control.fail,
        render.AssignPart: part.assign,
        render.ExpirePart: part.expire,
        render.RequestInspection: inspections.request,
        snapshot.QueueSnapshot: snapshots.queue,
        snapshot.ReportSpoilt: snapshots.report_spoilt,
        repair.RequestRepair: frame_repair.request,
        repair.ReportRot: frame_repair.report_rot,
        repair.SettleRepair: frame_repair.settle,
        farm.LoseNode: registration.lose,
        farm.DrainNode: node_control.drain,
        farm.MaintainNode: node_control.maintain,
        farm.DistrustNode: node_control.distrust,
        farm.OpenNode: node_control.open_,
        farm.ForgiveNode: node_control.forgive,
        farm.ReleaseTemplate: node_control.release,
        farm.LearnShare: noted(SHARES, farm.ShareLearned),
        enrol.CreateJoinToken: enrolment.create_token,
        enrol.RevokeJoinToken: enrolment.revoke_token,
        enrol.JoinNode: enrolment.join,
        enrol.RevokeNode: enrolment.revoke,
        node.RegisterNode: admitted(registration.register),
        node.LeaveNode: admitted(registration.leave),
        node.ReportSegment: admitted(segments.report_segment),
        node.ReportExport: admitted(exports.report_export),
        node.ReportInspection: admitted(inspections.report),
        node.ReportSnapshot: admitted(snapshots.report),
        node.ReportFailure: admitted(failures.report_failure),
        node.ReportCrash: admitted(failures.report_crash),
    },
    reacts=(
        copy("shares", (identity.TenantCreated, identity.TenantLimitsChanged), SHARES, over=last_word, formerly=farm.LearnShare),
        Reaction(name="jobs", on=studio.RenderRequested, make=job.on_render_requested, history="act", unnamed=True),
        Reaction(name="snapshots", on=studio.SnapshotRequested, make=snapshots.on_requested, history="act", unnamed=True),
        Reaction(name="inspections", on=file_mgr.FileStored, make=inspections.on_file_stored, history="act", unnamed=True),
    ),
    writes={
        render.JobSubmitted: job.job_submitted,
        render.JobPlanned: job.job_planned,
        render.SegmentsPlanned: job.segments_planned,
        render.JobStarted: upsert(JOBS, state="rendering"),
        render.JobAdvanced: upsert(JOBS),
        render.JobAssembling: upsert(JOBS, state="assembling"),
        render.JobCompleted: job.job_completed,
        render.JobFailed: upsert(JOBS, state="failed"),
        render.JobCancelled: upsert(JOBS, state="cancelled"),
        render.JobPaused: upsert(JOBS, paused=True),
        render.JobResumed: upsert(JOBS, paused=False),
        render.JobRescheduled: upsert(JOBS),
        render.PartAssigned: part.part_assigned,
        render.PartEnded: part.part_ended,
        render.SegmentVerified: segments.segment_verified,
        render.InspectionRequested: create(INSPECTIONS),
        render.InspectionEnded: inspections.inspection_ended,
        snapshot.SnapshotQueued: upsert(SNAPSHOTS, state="queued", attempts=0, code="", detail="", field=""),
        snapshot.SnapshotDrawn: upsert(SNAPSHOTS, state="done"),
        snapshot.SnapshotFailed: upsert(SNAPSHOTS, state="failed"),
        repair.RepairRequested: frame_repair.repair_requested,
        repair.JobSetBack: frame_repair.job_set_back,
        repair.RepairDrawn: frame_repair.repair_drawn,
        repair.RepairAssembling: frame_repair.repair_assembling,
        repair.ExportReplaced: frame_repair.export_replaced,
        repair.RepairEnded: frame_repair.repair_ended,
        farm.NodeRegistered: upsert(NODES, state="active"),
        farm.NodeLost: upsert(NODES, state="lost"),
        farm.NodeLeft: upsert(NODES, state="left"),
        farm.NodeCrashed: create(CRASHES),
        farm.NodeSuspected: upsert(NODES),
        farm.NodeSteered: node_control.node_steered,
        farm.TemplateCrashed: fault_attribution.template_crashed,
        farm.TemplateSetAside: upsert(TEMPLATES, state="set_aside"),
        farm.TemplateReleased: upsert(TEMPLATES, state="open", crashed_on=(), reason=""),
        farm.ShareLearned: upsert(SHARES),
        enrol.JoinTokenCreated: create(JOIN_TOKENS),
        enrol.JoinTokenRevoked: upsert(JOIN_TOKENS, state="revoked"),
        enrol.NodeEnrolled: enrolment.enrolled,
        enrol.NodeRevoked: enrolment.revoked,
    },
    makes={
        render.PartAssigned: (dispatch.on_assigned,),
        render.PartEnded: (dispatch.on_ended,),
        REFUSED["render"]: (dispatch.on_report_refused,),
        QUARANTINED["render"]: (dispatch.on_report_refused,),
        render.JobCompleted: (exports.on_delivered,),
        repair.ExportReplaced: (exports.on_delivered,),
        snapshot.SnapshotDrawn: (snapshots.on_drawn,),
        repair.RepairRequested: (object_checks.on_requested,),
        repair.RepairDrawn: (object_checks.on_drawn,),
    },
    timers={farm.NodeSteered: (node_control.timers,)},
    retains=(
        Monthly("node_health_logs", "at"),
        Kept("object_scrubs", "one row for each stored object, however often it is looked at"),
    ),
    effects=(*dispatch.EFFECTS, *object_checks.EFFECTS, *exports.EFFECTS, *snapshots.EFFECTS),
    tools=tools,
    services=services.SERVICES,
    weighs={render.SubmitJob: job.weigh},
)
