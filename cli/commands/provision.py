"""`flatrender provision`: makes the streams and durable consumers of this release."""

from typing import Annotated
from uuid import UUID

import typer

from cli.errors import Mistake
from cli.running import run

app = typer.Typer(add_completion=False)


@app.command()
def provision(
    nodes: Annotated[
        list[UUID] | None, typer.Option("--node", metavar="ID", help="Also make this node's consumer of work; repeatable.")
    ] = None,
    replicas: Annotated[int, typer.Option("--replicas", min=1, max=5, help="1 on one server, 3 on a cluster.")] = 1,
    new_issuer: Annotated[
        bool, typer.Option("--new-issuer", help="Only make a key for the gate (FLATRENDER_NATS_ISSUER, and `issuer` of nats-server).")
    ] = False,
) -> None:
    """Make or correct the streams and consumers on NATS; running it again changes nothing.

    Reads FLATRENDER_NATS_URL, and the passwords of the roles `provision` and `provision_log` (FLATRENDER_NATS_PASSWORDS).
    """
    if new_issuer:
        from adapters.nats.callout import Issuer, new_seed

        seed = new_seed()
        print(f"FLATRENDER_NATS_ISSUER={seed}\nissuer: {Issuer(seed).public}")
        return
    run(_provision(nodes or [], replicas))


async def _provision(nodes: list[UUID], replicas: int) -> None:
    from adapters.nats import StreamError
    from adapters.settings import Settings
    from deploy import provision as step

    try:
        async with step.logins(Settings()) as (nc, log):
            done = {**await step.provision(nc, log, replicas), **{f"node {node}": await step.provision_node(nc, node) for node in nodes}}
    except StreamError as error:
        raise Mistake("provision.refused", str(error)) from error
    print("\n".join(f"{change} {name}" for name, change in done.items()))
