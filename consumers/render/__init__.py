"""render: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.render import services
from consumers.render.jobs import job, job_control, warnings
from consumers.render.jobs.tables import EXPORTS, JOB_SEGMENTS, JOB_SPECS, JOBS, REPAIRS, SHARES
from consumers.render.kinds import exports, inspections, segments, snapshots
from consumers.render.kinds.inspections import FILES, INSPECTIONS
from consumers.render.kinds.snapshots import SNAPSHOTS
from consumers.render.leases.lease import PARTS, SEGMENTS
from consumers.render.nodes import enrolment, fault_attribution, node_control, registration
from consumers.render.nodes.enrolment import JOIN_TOKENS, NODE_IDENTITIES, admitted
from consumers.render.nodes.node_control import TEMPLATES
from consumers.render.nodes.registration import CRASHES, NODES
from consumers.render.parts import dispatch, failures, part
from consumers.render.parts.tools import tools
from consumers.render.repairs import frame_repair, object_checks
from consumers.runtime.common import WholeDomain
from consumers.runtime.copies import copy, last_word, noted
from consumers.runtime.projection import create, upsert
from consumers.runtime.reactions import Reaction
from consumers.runtime.retention_rules import Kept, Monthly
from contracts import node
from contracts.audit import QUARANTINED, REFUSED
from contracts.file_mgr.files import FileStored
from contracts.identity.tenants import TenantCreated, TenantLimitsChanged
from contracts.render.enrolment import (
    CreateJoinToken,
    JoinNode,
    JoinTokenCreated,
    JoinTokenRevoked,
    NodeEnrolled,
    NodeRevoked,
    RevokeJoinToken,
    RevokeNode,
)
from contracts.render.inspections import InspectionEnded, InspectionRequested, RequestInspection
from contracts.render.jobs import (
    CancelJob,
    FailJob,
    JobAdvanced,
    JobAssembling,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPaused,
    JobPlanned,
    JobRescheduled,
    JobResumed,
    JobStarted,
    JobSubmitted,
    JobWarned,
    PauseJob,
    PlanJob,
    RescheduleJob,
    ResumeJob,
    SubmitJob,
)
from contracts.render.nodes import (
    DistrustNode,
    DrainNode,
    ForgiveNode,
    LoseNode,
    MaintainNode,
    NodeCrashed,
    NodeLeft,
    NodeLost,
    NodeRegistered,
    NodeSteered,
    NodeSuspected,
    OpenNode,
)
from contracts.render.parts import AssignPart, ExpirePart, PartAssigned, PartEnded
from contracts.render.repairs import (
    ExportReplaced,
    JobSetBack,
    RepairAssembling,
    RepairDrawn,
    RepairEnded,
    RepairRequested,
    ReportRot,
    RequestRepair,
    SettleRepair,
)
from contracts.render.segments import SegmentsPlanned, SegmentVerified
from contracts.render.shares import LearnShare, ShareLearned
from contracts.render.snapshots import QueueSnapshot, ReportSpoilt, SnapshotDrawn, SnapshotFailed, SnapshotQueued
from contracts.render.templates import ReleaseTemplate, TemplateCrashed, TemplateReleased, TemplateSetAside
from contracts.studio.renders import RenderRequested
from contracts.studio.snapshots import SnapshotRequested

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
        SubmitJob: job.submit,
        PlanJob: job.plan_job,
        CancelJob: job.cancel,
        PauseJob: job_control.pause,
        ResumeJob: job_control.resume,
        RescheduleJob: job_control.reschedule,
        FailJob: job_control.fail,
        AssignPart: part.assign,
        ExpirePart: part.expire,
        RequestInspection: inspections.request,
        QueueSnapshot: snapshots.queue,
        ReportSpoilt: snapshots.report_spoilt,
        RequestRepair: frame_repair.request,
        ReportRot: frame_repair.report_rot,
        SettleRepair: frame_repair.settle,
        LoseNode: registration.lose,
        DrainNode: node_control.drain,
        MaintainNode: node_control.maintain,
        DistrustNode: node_control.distrust,
        OpenNode: node_control.open_,
        ForgiveNode: node_control.forgive,
        ReleaseTemplate: node_control.release,
        LearnShare: noted(SHARES, ShareLearned),
        CreateJoinToken: enrolment.create_token,
        RevokeJoinToken: enrolment.revoke_token,
        JoinNode: enrolment.join,
        RevokeNode: enrolment.revoke,
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
        copy("shares", (TenantCreated, TenantLimitsChanged), SHARES, replaces=last_word, formerly=LearnShare),
        Reaction(name="jobs", on=RenderRequested, make=job.on_render_requested, history="act", unnamed=True),
        Reaction(name="snapshots", on=SnapshotRequested, make=snapshots.on_requested, history="act", unnamed=True),
        Reaction(name="inspections", on=FileStored, make=inspections.on_file_stored, history="act", unnamed=True),
    ),
    writes={
        JobSubmitted: job.job_submitted,
        JobPlanned: job.job_planned,
        SegmentsPlanned: job.segments_planned,
        JobStarted: upsert(JOBS, state="rendering"),
        JobAdvanced: upsert(JOBS),
        JobWarned: warnings.job_warned,
        JobAssembling: upsert(JOBS, state="assembling"),
        JobCompleted: job.job_completed,
        JobFailed: upsert(JOBS, state="failed"),
        JobCancelled: upsert(JOBS, state="cancelled"),
        JobPaused: upsert(JOBS, paused=True),
        JobResumed: upsert(JOBS, paused=False),
        JobRescheduled: upsert(JOBS),
        PartAssigned: part.part_assigned,
        PartEnded: part.part_ended,
        SegmentVerified: segments.segment_verified,
        InspectionRequested: create(INSPECTIONS),
        InspectionEnded: inspections.inspection_ended,
        SnapshotQueued: upsert(SNAPSHOTS, state="queued", attempts=0, code="", detail="", field=""),
        SnapshotDrawn: upsert(SNAPSHOTS, state="done"),
        SnapshotFailed: upsert(SNAPSHOTS, state="failed"),
        RepairRequested: frame_repair.repair_requested,
        JobSetBack: frame_repair.job_set_back,
        RepairDrawn: frame_repair.repair_drawn,
        RepairAssembling: frame_repair.repair_assembling,
        ExportReplaced: frame_repair.export_replaced,
        RepairEnded: frame_repair.repair_ended,
        NodeRegistered: upsert(NODES, state="active"),
        NodeLost: upsert(NODES, state="lost"),
        NodeLeft: upsert(NODES, state="left"),
        NodeCrashed: create(CRASHES),
        NodeSuspected: upsert(NODES),
        NodeSteered: node_control.node_steered,
        TemplateCrashed: fault_attribution.template_crashed,
        TemplateSetAside: upsert(TEMPLATES, state="set_aside"),
        TemplateReleased: upsert(TEMPLATES, state="open", crashed_on=(), reason=""),
        ShareLearned: upsert(SHARES),
        JoinTokenCreated: create(JOIN_TOKENS),
        JoinTokenRevoked: upsert(JOIN_TOKENS, state="revoked"),
        NodeEnrolled: enrolment.enrolled,
        NodeRevoked: enrolment.revoked,
    },
    makes={
        PartAssigned: (dispatch.on_assigned,),
        PartEnded: (dispatch.on_ended,),
        REFUSED["render"]: (dispatch.on_report_refused,),
        QUARANTINED["render"]: (dispatch.on_report_refused,),
        JobCompleted: (exports.on_delivered,),
        ExportReplaced: (exports.on_delivered,),
        SnapshotDrawn: (snapshots.on_drawn,),
        RepairRequested: (object_checks.on_requested,),
        RepairDrawn: (object_checks.on_drawn,),
    },
    timers={NodeSteered: (node_control.timers,)},
    retains=(
        Monthly("node_health_logs", "at"),
        Kept("object_scrubs", "one row for each stored object, however often it is looked at"),
    ),
    effects=(*dispatch.EFFECTS, *object_checks.EFFECTS, *exports.EFFECTS, *snapshots.EFFECTS),
    tools=tools,
    services=services.SERVICES,
    costs={SubmitJob: job.cost_of},
)
