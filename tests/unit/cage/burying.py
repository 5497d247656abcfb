"""A daemon whose engine leaves closed folders, and goes on: `python -m tests.unit.cage.burying FOLDER`."""

import asyncio
import sys
from pathlib import Path

from tests.unit.cage.daemon import asked, data_folder, engine_of


async def main(folder: Path) -> None:
    """Print what is left of the engine's folders."""
    data = data_folder(folder)
    engine = engine_of(data / "work" / "engines" / "1", "seccomp")
    for _ in range(2):
        assert await asked(engine, data / "asked", [("bury", "closed")]) == ["buried"]
    await engine.kill()
    assert await asked(engine, data / "asked", [("bury", "closed")]) == ["buried"]
    await engine.close()
    print("left:", *(data / "work" / "engines").iterdir())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
