"""What must hold after the farm's faults, beside what holds after all kills: leases, and reports that were sent again."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tests.chaos.checks import EXPECTED_REFUSALS, Checks
from tests.chaos.films import Made
from tests.chaos.leases import Leases
from tests.chaos.repeats import Sent

MUST_FAIL = ("late under a new id", "late with other bytes", "for a lost lease")


class FarmChecks(Checks):
    """As `Checks`; `leases` are known once `stale` was called, `repeats` (kind to outcomes) once `repeated` was."""

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self.leases = Leases()
        self.repeats: dict[str, Counter[str]] = {}

    async def stale(self) -> None:
        """Every result came from who held the lease when it was accepted."""
        self.leases = await Leases.read(self._conn, self._tenants)
        self.violations += [f"stale result accepted: {text}" for text in self.leases.stale]
        self.violations += [f"I3: {text}" for text in self.leases.twice]
        ends = Counter(lease.end for lease in self.leases.parts.values())
        self.figures |= {"leases": len(self.leases.parts), **{f"leases {end or 'open'}": count for end, count in sorted(ends.items())}}
        self.figures |= {"results accepted": self.leases.results, "stale results accepted": len(self.leases.stale)}

    async def repeated(self, sent: Sequence[Sent]) -> None:
        """What was sent again changed nothing."""
        outcomes = {
            row["id"]: row["what"]
            for row in await self._conn.fetch(
                "select id, case when state = 'refused' then outcome->'problem'->>'code' else state end as what"
                " from render.inbox where id = any($1)",
                list({one.id for one in sent}),
            )
        }
        caused = {
            row["causation_id"]: row["types"]
            for row in await self._conn.fetch(
                "select causation_id, array_agg(type order by position) as types from log.events where causation_id = any($1)"
                " and type not like '%.command.refused.v1' group by 1",
                list({one.id for one in sent if one.kind != "the same again"}),
            )
        }
        for one in sent:
            what = "one effect" if one.kind == "the same again" and one.id in outcomes else outcomes.get(one.id, "never decided")
            if one.id in caused:
                what = "in the place of a lost one" if one.kind not in MUST_FAIL else "ACCEPTED"
            self.repeats.setdefault(one.kind, Counter())[what] += 1
            if what in ("ACCEPTED", "never decided", "quarantined"):
                self.violations.append(f"a report that was sent again ({one.kind}) came to {what}: {one}, {caused.get(one.id)}")
        ours = sum(outcomes.get(one.id) in EXPECTED_REFUSALS for one in sent if one.kind != "the same again")
        self.figures |= {"reports sent again": len(sent), "of them refused": ours}

    async def packets(self, made: Sequence[Made], reference: Sequence[Made]) -> None:
        """Every job completed, and its export has the frames and, byte for byte, the video packets of the run without faults."""
        wanted = {one.film: one for one in reference}
        rows = await self._conn.fetch(
            "select job_id, packets_sha256, frames, degraded from render.exports where tenant_id = any($1)", self._tenants
        )
        exports = {row["job_id"]: row for row in rows}
        equal = frames = 0
        for one in made:
            model, export = wanted[one.film], exports.get(one.job_id)
            if one.state != "completed" or export is None:
                self.violations.append(f"I3: the job {one.job_id} ({one.film}) is {one.state}: {one.detail}")
                continue
            same = (one.frames, export["packets_sha256"]) == (model.frames, exports[model.job_id]["packets_sha256"])
            same = same and export["frames"] == one.frames
            equal, frames = equal + same, frames + one.frames
            if not same:
                self.violations.append(f"I3: the export of {one.job_id} ({one.film}) differs from that of {model.job_id}: {one} {model}")
        degraded = sum(row["degraded"] for row in rows)
        self.figures |= {
            "exports": len(made),
            "exports equal": equal,
            "frames decoded": frames,
            "exports not drawn as designed": degraded,
        }

    async def cancelled(self, tenants: Sequence[UUID], jobs: Sequence[UUID]) -> None:
        """What was cancelled stayed so."""
        rows = await self._conn.fetch(
            "select job_id, state from render.render_jobs where tenant_id = any($1) and job_id = any($2)", list(tenants), list(jobs)
        )
        for row in rows:
            if row["state"] != "cancelled":
                self.violations.append(f"the cancelled job {row['job_id']} is {row['state']}")
        self.figures |= {"jobs cancelled": len(rows)}
