"""`flatrender rotate-secret`: a new secret for the edge of one machine."""

import typer

from cli.options import Data

app = typer.Typer(add_completion=False)


@app.command()
def rotate_secret(data: Data = None) -> None:
    """Give the edge of a stopped stack a new secret; the one before stays known until the next time.

    API keys go on working. Wait 30 days before the next time: requests and operations of the secret before the last are not known any more.
    """
    from deploy.local.folder import DataFolder, default_folder
    from deploy.local.secret_store import SecretStore

    folder = DataFolder(data or default_folder())
    folder.open()
    try:
        version = SecretStore(folder.path / "secrets.json").rotate("edge")
    finally:
        folder.close()
    print(f"the edge's secret is version {version} from the next start on")
