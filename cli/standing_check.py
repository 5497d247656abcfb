"""Runs the standing check for a person: on the stack of a data folder, or where FLATRENDER_… variables say."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from adapters.settings import Settings
from cli.errors import Mistake
from cli.service import Facts, running
from deploy.check.bounds import Bounds
from deploy.check.differences import Difference, Report
from deploy.check.fast import check, place
from deploy.check.full import check_whole
from deploy.check.progress import forget
from deploy.local.folder import default_folder
from deploy.local.secret_store import SecretStore
from deploy.local.stack import BUCKET, CHECK, nats_secret, pg_role, pg_secret


async def checked(data: Path | None, *, full: bool, young: bool, reset: bool) -> Report:
    """Look once, with a second look where something differs. Raises Mistake and NotLooked when it could not look."""
    settings, admin = await _where(data)
    bounds = Bounds() if not young else Bounds(young=0.0)
    async with place(settings) as at:
        if reset:
            await forget(at.conn)
        return await (check_whole(at, admin, bounds) if full else check(at, bounds=bounds))


async def _where(data: Path | None) -> tuple[Settings, str]:
    """The check's own settings, and an administrator's address for the full form."""
    given = Settings()
    folder = (data or default_folder()).absolute()
    if data is None and given.pg_dsn:
        import os

        return given, os.environ.get("FLATRENDER_PG_ADMIN_DSN", "")
    if (facts := await running(folder)) is None:
        raise Mistake(
            "check.not_running", f"no stack runs from {folder}, so NATS and storage cannot be compared", "--data",
            "Start it with `flatrender up`; `flatrender replay --verify` needs the folder alone.",
        )  # fmt: skip
    return settings_of(folder, facts), facts.pg_dsn


def settings_of(folder: Path, facts: Facts) -> Settings:
    """Those of the check's roles on a stack of this machine."""
    secret = SecretStore(folder / "secrets.json").get
    host = facts.pg_dsn.rpartition("@")[2]
    return Settings.model_validate(
        {
            "nats_url": f"nats://{facts.nats_url.rpartition('@')[2]}",
            "nats_user": CHECK,
            "nats_password": secret(nats_secret(CHECK)),
            "pg_dsn": f"postgresql://{host}",
            "pg_password": secret(pg_secret(pg_role(CHECK))),
            "s3_url": facts.s3_url,
            "s3_bucket": BUCKET,
            "s3_access_key": secret("s3.access_key"),
            "s3_secret_key": secret("s3.secret_key"),
        }
    )


def lines(report: Report) -> Iterator[str]:
    """What came of it, for a person."""
    for one in sorted(report.differences, key=lambda one: one.known):
        yield from _of(one)
    for row in report.unsure:
        yield f"not sure: {row} looks wrong, and its history is too long for this form. Run `flatrender check --full`."
    if report.skipped:
        yield f"not looked at: {report.skipped:,} positions up to {report.since}, too many at once. Run `flatrender check --full`."
    counts = ", ".join(f"{count:,} {name}" for name, count in msgspec.structs.asdict(report.counts).items() if count)
    verdict = "all agrees" if report.agrees else f"{len(report.differences)} differences"
    yield f"{verdict}: log up to {report.position:,}; looked at {counts or 'nothing new'} in {report.seconds:.1f} s"


def _of(one: Difference) -> Iterator[str]:
    yield f"{one.name}: {one.place}"
    yield f"    expected: {one.expected}"
    yield f"    found:    {one.found}"
    yield f"    to do:    {one.remedy}"
