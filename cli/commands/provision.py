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
        bool, typer.Option("--new-issuer", help="Only make a key for node auth (FLATRENDER_NATS_ISSUER, and `issuer` of nats-server).")
    ] = False,
    nats_accounts: Annotated[
        bool,
        typer.Option(
            "--nats-accounts", help="Only print the accounts and users for nats-server's configuration; it takes passwords from $NATS_…."
        ),
    ] = False,
) -> None:
    """Make or correct the streams and consumers on NATS; running it again changes nothing.

    Reads FLATRENDER_NATS_URL, _NATS_USER (the role `provision`) and _NATS_PASSWORD.
    """
    if new_issuer:
        from adapters.nats.callout import Issuer, new_seed

        seed = new_seed()
        print(f"FLATRENDER_NATS_ISSUER={seed}\nissuer: {Issuer(seed).public}")
        return
    if nats_accounts:
        from deploy.nats import for_an_operator

        print(for_an_operator())
        return
    run(_provision(nodes or [], replicas))


async def _provision(nodes: list[UUID], replicas: int) -> None:
    from adapters.nats import StreamError, connect
    from adapters.settings import Settings
    from deploy import provision as step

    try:
        nc = await connect(Settings(), "flatrender provision", within=10)
        try:
            done = {**await step.provision(nc, replicas), **{f"node {node}": await step.provision_node(nc, node) for node in nodes}}
        finally:
            await nc.close()
    except StreamError as error:
        raise Mistake("provision.refused", str(error)) from error
    print("\n".join(f"{change} {name}" for name, change in done.items()))
