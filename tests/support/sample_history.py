"""A realistic history: many tenants' templates, saved projects and renders with all that goes wrong, told by the real deciders."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from msgspec.structs import replace

from consumers.render.leases.object_keys import export_object_key, scan_object_key, segment_object_key, snapshot_object_key
from contracts.content.categories import CreateCategory, DeleteCategory, RenameCategory
from contracts.content.projects import CreateProject, ProjectImporting, PublishProject, RecordScene
from contracts.file_mgr.files import StoreFile
from contracts.file_mgr.uploads import AbortUpload, CompleteUpload, OpenUpload, StartUpload
from contracts.identity.api_keys import CreateApiKey, RevokeApiKey
from contracts.identity.reservations import Release, Reserve
from contracts.identity.secrets import RevealSecret
from contracts.identity.tenants import CreateTenant
from contracts.message import PLATFORM, Command, Event
from contracts.node import PROTOCOL, RegisterNode, ReportExport, ReportFailure, ReportInspection, ReportSegment, ReportSnapshot
from contracts.notification.notifications import NotificationCreated, ReadNotification
from contracts.render.enrolment import CreateJoinToken, JoinNode, RevokeJoinToken, RevokeNode
from contracts.render.jobs import CancelJob, JobAssembling, JobCompleted
from contracts.render.nodes import DrainNode, LoseNode, MaintainNode, OpenNode
from contracts.render.parts import AssignPart, ExpirePart, PartAssigned
from contracts.render.repairs import RepairRequested, ReportRot, RequestRepair
from contracts.render.segments import SegmentsPlanned, SegmentVerified
from contracts.render.snapshots import SnapshotQueued
from contracts.spec import ColourPreset, Element, Warning
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import ChosenScene, ChosenTrack, SaveProject
from contracts.studio.snapshots import RequestSnapshot
from tests.support.in_process import InProcessDomains, Refused

SCENES = ("intro", "features", "outro")
NODES = (uuid4(), uuid4())


def sha(*parts: object) -> str:
    """Some content's SHA-256."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


TORN = Warning(code="text.torn", detail="A word was broken.", element="frl_title", scene="a")


class SampleHistory:
    """Made in domains of this process; every step waits for all reactions."""

    def __init__(self, in_process: InProcessDomains, *, tenants: int, jobs: int = 2, seconds: float = 4.0) -> None:
        self.in_process, self.jobs, self.seconds = in_process, jobs, seconds
        self.tenants = [uuid4() for _ in range(tenants)]
        self._mark = 0

    async def tell(self) -> None:
        """Everything once."""
        await self.begin()
        await self.upload("template")
        await self.upload("audio")
        await self.publish()
        await self.render(number=0)
        for number in range(1, self.jobs):
            await self.render(number)
        await self.render(number=0)  # the same again: nothing is drawn twice
        await self.picture()
        await self.mend()
        await self.trouble()

    async def all(self, commands: Iterable[tuple[Command, UUID]], actor: str = "key:test") -> list[tuple[UUID, Event]]:
        """Send commands, wait for reactions; answers every event since the last step with its tenant."""
        await self.in_process.send_all(commands, actor=actor)
        await self.in_process.react()
        happened = [(envelope.tenant, event) for envelope, event in self.in_process.events[self._mark :]]
        self._mark = len(self.in_process.events)
        return happened

    async def begin(self) -> None:
        """Nodes, tenants and their keys; every second key is revoked."""
        for node in NODES:
            build = {"engine_build": "thorvg 1.0", "encoder_build": "x264 164", "version": "0.1", "platform": "linux"}
            register = RegisterNode(protocol=PROTOCOL, name=f"node {node}", slots=8, **build)
            await self.all([(register, PLATFORM)], actor=f"node:{node}")
        await self.join()
        await self.all((CreateTenant(name=f"tenant {number}"), tenant) for number, tenant in enumerate(self.tenants))
        keys = await self.in_process.send_all(
            (CreateApiKey(name="key", scopes=("*",), secret_sha256=sha(t), hint="abcd"), t) for t in self.tenants
        )
        ids = [UUID(key["key_id"]) for key in keys]
        await self.all((RevealSecret(command_id=id, what="key", thing_id=id), t) for id, t in zip(ids, self.tenants, strict=True))
        await self.all((RevokeApiKey(key_id=UUID(key["key_id"])), tenant) for key, tenant in zip(keys[::2], self.tenants[::2], strict=True))
        for tenant in self.tenants:
            made = await self.in_process.send_all((CreateCategory(name=name), tenant) for name in ("openers", "intros"))
            openers, intros = [UUID(one["category_id"]) for one in made]
            await self.all([(DeleteCategory(category_id=openers), tenant), (RenameCategory(category_id=intros, name="openers"), tenant)])
        await self.all((Reserve(kind="address", mark=sha(t), holder=t), PLATFORM) for t in self.tenants)
        await self.all((Release(kind="address", mark=sha(t), holder=t), PLATFORM) for t in self.tenants[::2])

    async def join(self) -> None:
        """A node gets its identity by a token and is shut out again; another token is revoked."""
        tokens = [CreateJoinToken(note=f"token {number}", secret_sha256=sha("token", number)) for number in range(2)]
        used, unused = [UUID(body["token_id"]) for body in await self.in_process.send_all((token, PLATFORM) for token in tokens)]
        asked = JoinNode(token_id=used, token_sha256=sha("token", 0), name="guest", secret_sha256=sha("guest"))
        node_id = UUID((await self.in_process.send(asked, PLATFORM))["node_id"])
        await self.all([(RevokeJoinToken(token_id=unused), PLATFORM), (RevokeNode(node_id=node_id, reason="it left"), PLATFORM)])

    async def upload(self, kind: str) -> None:
        """A file of each tenant, inspected and ready; `files` keeps their ids. Another one is given up."""
        never = await self.in_process.send_all((StartUpload(name="never.bin", bytes=1), tenant) for tenant in self.tenants)
        given_up = zip(never, self.tenants, strict=True)
        await self.all((AbortUpload(upload_id=UUID(answer["upload_id"])), tenant) for answer, tenant in given_up)
        start = [(StartUpload(name=f"{kind}.bin", bytes=1000 + n, media_type="x/y"), tenant) for n, tenant in enumerate(self.tenants)]
        answers = await self.in_process.send_all(start)
        uploads = [(UUID(answer["upload_id"]), tenant, n) for n, (answer, tenant) in enumerate(zip(answers, self.tenants, strict=True))]
        await self.all((OpenUpload(upload_id=upload, storage_id="at the store"), tenant) for upload, tenant, _ in uploads)
        await self.all(
            (CompleteUpload(upload_id=upload, etags=('"d41d8cd98f00b204e9800998ecf8427e"',)), tenant) for upload, tenant, _ in uploads
        )
        await self.all((StoreFile(upload_id=upload, bytes=1000 + n), tenant) for upload, tenant, n in uploads)
        self.files = {tenant: UUID(answer["file_id"]) for answer, tenant in zip(answers, self.tenants, strict=True)}
        parts = await self.assign("inspect", [(tenant, file, 0, 0) for tenant, file in self.files.items()])
        for part, tenant in parts:
            found = ReportInspection(
                part_id=part.part_id,
                epoch=part.epoch,
                kind=kind,
                sha256=sha(kind, tenant),
                bytes=1000,
                scan_key=scan_object_key(tenant, part.subject_id, part.part_id) if kind == "template" else "",
            )
            await self.report([(found, tenant)], part.node_id)

    async def assign(self, kind: str, wanted: list[tuple[UUID, UUID, int, int]]) -> list[tuple[PartAssigned, UUID]]:
        """Give work to the nodes in turn: (tenant, subject, first, count)."""
        given = [
            (AssignPart(kind=kind, subject_id=subject, node_id=NODES[n % 2], node_epoch=1, first=first, count=count), tenant)  # type: ignore[arg-type]
            for n, (tenant, subject, first, count) in enumerate(wanted)
        ]
        return [(event, tenant) for tenant, event in await self.all(given, actor="scheduler") if isinstance(event, PartAssigned)]

    async def report(self, reports: list[tuple[Command, UUID]], node: UUID) -> list[tuple[UUID, Event]]:
        """What one node says."""
        return await self.all(reports, actor=f"node:{node}")

    async def publish(self) -> None:
        """A template of each tenant with three scenes, a saved project made of it, and one more upload that is given up."""
        sounds = self.files
        templates = dict(self._ready("template"))
        made = await self.all((CreateProject(name="قالب film", file_id=file), tenant) for tenant, file in templates.items())
        self.projects = {tenant: event.project_id for tenant, event in made if isinstance(event, ProjectImporting)}
        elements = (
            Element(key="title", kind="text", title="Title", default="Hello"),
            Element(key="tint", kind="colour", default="#102030"),
        )
        scene = {"width": 1280, "height": 720, "rate": 29.97, "duration": self.seconds, "elements": elements, "fonts": ("Vazirmatn",)}
        await self.all(
            (RecordScene(project_id=project, position=at, key=key, title=key, digest=sha(key, tenant), **scene), tenant)
            for tenant, project in self.projects.items()
            for at, key in enumerate(SCENES)
        )
        presets = (ColourPreset(key="night", title="Night", colours={"tint": "#000000"}),)
        await self.all(
            (PublishProject(project_id=project, scene_count=3, presets=presets), tenant) for tenant, project in self.projects.items()
        )
        audio = {tenant: (ChosenTrack(kind="music", file_id=file, volume=0.1 + 0.2),) for tenant, file in sounds.items()}
        await self.all(
            (SaveProject(project_id=project, name="mine", colours={"tint": "#abcdef"}, preset="night", audio=audio[tenant]), tenant)
            for tenant, project in self.projects.items()
        )
        begun = await self.in_process.send(StartUpload(name="never", bytes=5), self.tenants[0])
        await self.all([(AbortUpload(upload_id=UUID(begun["upload_id"])), self.tenants[0])])

    def _ready(self, kind: str) -> Iterable[tuple[UUID, UUID]]:
        for envelope, event in self.in_process.events:
            if type(event).__name__ == "FileReady" and getattr(event, "kind", "") == kind and envelope.tenant in self.tenants:
                yield envelope.tenant, event.file_id  # type: ignore[attr-defined]

    def request(self, tenant: UUID, number: int) -> RequestRender:
        """A render whose values depend on its number."""
        scenes = tuple(ChosenScene(scene=key, texts={"title": f"سلام {number}"}, speed=1.0) for key in SCENES)
        return RequestRender(
            project_id=self.projects[tenant], scenes=scenes, metadata={"order": number, "price": 1.50, "nested": {"b": [1, None], "a": 1e3}}
        )

    async def render(self, number: int) -> None:
        """A render of each tenant: planned, drawn by two nodes in parts, assembled, told and read."""
        planned = await self.all((self.request(tenant, number), tenant) for tenant in self.tenants)
        segments: dict[tuple[UUID, UUID], list[tuple[str, int]]] = {}
        missing: set[tuple[UUID, UUID]] = set()
        for tenant, event in planned:
            if isinstance(event, SegmentsPlanned):
                segments.setdefault((tenant, event.job_id), []).extend((s.key, s.count) for s in event.segments)
                if len(event.done) < len(event.segments):
                    missing.add((tenant, event.job_id))
        parts = await self.assign("render", [(t, job, at, 4) for t, job in missing for at in range(0, len(segments[t, job]), 4)])
        await self.draw(parts, segments)
        assembling = {(tenant, event.job_id): None for _, (tenant, event) in enumerate(self._assembling())}
        for part, tenant in await self.assign("assemble", [(tenant, job, 0, 0) for tenant, job in assembling]):
            frames = sum(count for _, count in segments[tenant, part.subject_id])
            done = ReportExport(
                part_id=part.part_id, epoch=part.epoch, sha256=sha(part), bytes=10**9,
                object_key=export_object_key(tenant, part.subject_id, part.epoch, part.part_id),
                frames=frames, duration=frames / 30, packets_sha256=sha("packets", part),
            )  # fmt: skip
            for told, event in await self.report([(done, tenant)], part.node_id):
                if isinstance(event, NotificationCreated) and number % 2 == 0:
                    await self.all([(ReadNotification(notification_id=event.notification_id), told)])

    def _assembling(self) -> Iterable[tuple[UUID, JobAssembling]]:
        done = {event.subject_id for _, event in self.in_process.events if isinstance(event, PartAssigned) and event.kind == "assemble"}
        for envelope, event in self.in_process.events:
            if isinstance(event, JobAssembling) and event.job_id not in done and envelope.tenant in self.tenants:
                yield envelope.tenant, event

    async def draw(self, parts: list[tuple[PartAssigned, UUID]], segments: dict[tuple[UUID, UUID], list[tuple[str, int]]]) -> None:
        """Every segment is reported as drawn, by the node that holds it."""
        frames = {key: count for planned in segments.values() for key, count in planned}
        for node in NODES:
            reports: list[tuple[Command, UUID]] = [
                (
                    ReportSegment(
                        part_id=part.part_id,
                        epoch=part.epoch,
                        key=key,
                        object_key=segment_object_key(tenant, key, part.epoch, part.part_id),
                        sha256=sha(key),
                        bytes=12345,
                        frames=frames[key],
                        difference=0.123456789,
                        seconds=0.25,
                        warnings=(TORN,),
                    ),
                    tenant,
                )
                for part, tenant in parts
                for key in part.keys
                if part.node_id == node
            ]
            await self.report(reports, node)

    async def picture(self) -> None:
        """A picture of each tenant's first scene, asked for twice and drawn once."""
        asked = RequestSnapshot(project_id=self.projects[self.tenants[0]])
        for _ in range(2):
            told = await self.all((replace(asked, project_id=self.projects[tenant]), tenant) for tenant in self.tenants)
            queued = [(tenant, event.snapshot_id, 0, 0) for tenant, event in told if isinstance(event, SnapshotQueued)]
            for part, tenant in await self.assign("snapshot", queued):
                place = snapshot_object_key(tenant, part.subject_id, part.epoch, part.part_id)
                drawn = ReportSnapshot(
                    part_id=part.part_id, epoch=part.epoch, object_key=place, sha256=sha(part), bytes=99, warnings=(TORN,)
                )
                await self.report([(drawn, tenant)], part.node_id)

    async def mend(self) -> None:
        """A stored segment of every tenant rots and is drawn again to other bytes, so that the film is joined anew; a person doubts it."""
        films = {envelope.tenant: event for envelope, event in self.in_process.events if isinstance(event, JobCompleted)}
        rotten: dict[tuple[UUID, str], tuple[str, int]] = {}
        for envelope, event in self.in_process.events:
            if isinstance(event, SegmentVerified) and envelope.tenant in self.tenants:
                rotten[envelope.tenant, event.key] = event.object_key, event.frames
        latest = dict(rotten.keys())
        found = [
            (ReportRot(key=key, object_key=rotten[tenant, key][0], found_sha256=sha("rot", key)), tenant) for tenant, key in latest.items()
        ]
        asked = [(tenant, event) for tenant, event in await self.all(found, actor="scrubber") if isinstance(event, RepairRequested)]
        assert len(asked) == len(self.tenants)
        parts = await self.assign("render", [(tenant, event.job_id, event.before[0].idx, 1) for tenant, event in asked])
        for part, tenant in parts:
            key = part.keys[0]
            redrawn = ReportSegment(
                part_id=part.part_id, epoch=part.epoch, key=key, object_key=segment_object_key(tenant, key, part.epoch, part.part_id),
                sha256=sha("again", key), bytes=1, frames=rotten[tenant, key][1], difference=0.0, seconds=0.1, before="AA==", last="AQ==",
            )  # fmt: skip
            await self.report([(redrawn, tenant)], part.node_id)
        for part, tenant in await self.assign("assemble", [(tenant, event.job_id, 0, 0) for tenant, event in asked]):
            frames = films[tenant].frames
            done = ReportExport(
                part_id=part.part_id, epoch=part.epoch, object_key=export_object_key(tenant, part.subject_id, part.epoch, part.part_id),
                sha256=sha(part), bytes=10, frames=frames, duration=frames / 30, packets_sha256=sha("anew", part),
            )  # fmt: skip
            await self.report([(done, tenant)], part.node_id)
        tenant, film = next(iter(films.items()))
        await self.all([(RequestRepair(job_id=film.job_id, export=True, reason="it flickers"), tenant)])

    async def trouble(self) -> None:
        """Refusals, a crash, an expired lease, a cancelled job, a lost node, a second registration."""
        tenant = self.tenants[0]
        for wrong in (CreateTenant(name="again"), CancelJob(job_id=uuid4()), self.request(tenant, 1).__class__(project_id=uuid4())):
            try:
                await self.in_process.send(wrong, tenant)
            except Refused:
                continue
            raise AssertionError(f"{wrong} was to be refused")
        planned = [event for _, event in await self.all([(self.request(tenant, 901), tenant)]) if isinstance(event, SegmentsPlanned)]
        job = planned[0].job_id
        (crashed, _), (expired, _) = await self.assign("render", [(tenant, job, 0, 4), (tenant, job, 4, 4)])
        died = ReportFailure(
            part_id=crashed.part_id, epoch=crashed.epoch, code="engine.crashed", detail="it died", crash="engine_crash", signal=11
        )
        await self.report([(died, tenant)], crashed.node_id)
        await self.all([(ExpirePart(part_id=expired.part_id, reason="its node is gone"), tenant)], actor="scheduler")
        await self.assign("render", [(tenant, job, 0, 4)])
        await self.all([(CancelJob(job_id=job), tenant)])
        await self.blame(tenant)
        await self.all([(LoseNode(node_id=NODES[1], epoch=1, last_heard=datetime.now(UTC)), PLATFORM)], actor="scheduler")
        build = {"engine_build": "thorvg 1.0", "encoder_build": "x264 164", "version": "0.1", "platform": "linux"}
        await self.all([(RegisterNode(protocol=PROTOCOL, name="back", slots=8, **build), PLATFORM)], actor=f"node:{NODES[1]}")

    async def blame(self, tenant: UUID) -> None:
        """A template ends engines on both nodes and is set aside; a person steers the nodes meanwhile."""
        template = sha("template", tenant)
        planned = [event for _, event in await self.all([(self.request(tenant, 902), tenant)]) if isinstance(event, SegmentsPlanned)]
        parts = await self.assign("render", [(tenant, planned[0].job_id, at, 4) for at in (0, 4)])
        await self.all([(DrainNode(node_id=NODES[0], reason="a person's word"), PLATFORM)])
        for part, _ in parts:
            died = ReportFailure(
                part_id=part.part_id, epoch=part.epoch, code="node.engine_crash", detail="d", crash="engine_crash", template=template
            )
            await self.report([(died, tenant)], part.node_id)
        await self.all([(self.request(tenant, 903), tenant)])
        await self.all([(OpenNode(node_id=NODES[0]), PLATFORM), (MaintainNode(node_id=NODES[1], force=True), PLATFORM)])
