"""An edge whose servers are not there yet."""

import aiohttp
from pydantic import SecretStr

from adapters.settings import Settings
from api_edge.http.access_log import AccessLog
from api_edge.main import running


async def test_it_lives_is_not_ready_says_why_and_takes_nothing():
    port = 1  # nobody listens there, and the kernel gives it to nobody
    settings = Settings(
        nats_url=f"nats://127.0.0.1:{port}",
        nats_user="edge",
        nats_password=SecretStr("x"),
        pg_dsn=f"postgresql://127.0.0.1:{port}/x",
        s3_url=f"http://127.0.0.1:{port}",
        s3_access_key="x",
        s3_secret_key=SecretStr("x"),
        secret=SecretStr("0123456789abcdef"),
    )
    async with running(settings, AccessLog(None)) as (_, url), aiohttp.ClientSession(url) as session:
        async with session.get("/livez") as answer:
            assert answer.status == 200
        async with session.get("/readyz") as answer:
            assert answer.status == 503
            assert set((await answer.json())["reasons"]) == {"database", "broker", "feed"}
        async with session.post("/v1/renders", json={}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert (await answer.json(content_type=None))["code"].startswith("unavailable.")
