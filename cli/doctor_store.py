"""The check of `flatrender doctor` that asks the object store what it enforces."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.doctor_database import Finding

if TYPE_CHECKING:
    from adapters.object_store import ObjectStore

ADVICE = (
    "Signed addresses rely on it: use a store that honours If-None-Match, Content-Length and x-amz-checksum-sha256 where they are signed, "
    "and no x-amz- header that is not. "
    "Until then damaged objects are found when they are served and by `flatrender scrub`, but not prevented."
)


async def storage(place: Path) -> Finding:
    """What the store enforces that this machine would use."""
    from adapters.object_store import ObjectStore
    from adapters.settings import Settings
    from cli.service import running
    from deploy.local.secret_store import SecretStore
    from deploy.local.stack import BUCKET

    settings = Settings()
    if settings.s3_url:
        secret = settings.s3_secret_key.get_secret_value()
        return await asked(ObjectStore(settings.s3_url, settings.s3_bucket, settings.s3_access_key, secret, settings.s3_public_url))
    if (facts := await running(place)) is None:
        return Finding(True, "none is configured; the local one is asked when the servers are tried")
    secrets = SecretStore(place / "secrets.json")
    return await asked(ObjectStore(facts.s3_url, BUCKET, secrets.get("s3.access_key"), secrets.get("s3.secret_key")))


async def asked(store: "ObjectStore") -> Finding:
    """What a store enforces."""
    from adapters.object_store import StoreError
    from deploy.store_probe import probed

    try:
        async with store:
            promises = await probed(store)
    except StoreError as error:
        return Finding(False, str(error), "See FLATRENDER_S3_URL, its bucket and keys, and FLATRENDER_S3_PUBLIC_URL.")
    broken = [f"{one.name}: it answers {one.answer}" for one in promises if not one.kept]
    if broken:
        return Finding(False, f"the store at {store.url} does not keep that {'; that '.join(broken)}", ADVICE)
    return Finding(True, f"the store at {store.url} keeps that {'; '.join(one.name for one in promises)}")
