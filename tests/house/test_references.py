"""The references in docs/ are what the code says; `make generate` writes them anew."""

import json
import re

import asyncpg

from benchmarks.run import KNOWN
from contracts.node import PROTOCOL
from deploy.domains import all_domains
from deploy.references import ROOT, from_code, from_database, licences
from deploy.references.touches import touches
from tests.support.databases import migrated

FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CODE = ("adapters", "api_edge", "cli", "consumers", "contracts", "deploy", "node_worker", "producers", "simulation", "sql", "templates")
DOCUMENTS = [
    path
    for place in ("*.md", "docs/*.md", "docs/guides/*.md", "docs/decisions/*.md")
    for path in ROOT.glob(place)
    if path.name != "CHANGELOG.md"
]


def stale(texts: dict[str, str]) -> list[str]:
    """The files that are not what would be written."""
    return [name for name, text in texts.items() if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != text]


def test_the_references_are_what_the_code_says():
    assert stale(from_code()) == [], "run `make generate`"


def test_every_code_that_a_node_tells_stands_in_the_references():
    """Whatever is written in its code as one, however it is said: a warning that no document names helps nobody."""
    listed = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", (ROOT / "docs/reference/codes.md").read_text(encoding="utf-8"), re.MULTILINE))
    areas = {code.partition(".")[0] for code in listed}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "node_worker").rglob("*.py")]
    written = {code for text in texts for code in re.findall(r'"([a-z_]+\.[a-z_]+)"', text)}
    told = {code for code in written if code.partition(".")[0] in areas and not code.endswith((".png", ".json"))}
    assert told and told <= listed, f"say them so that deploy/references/codes.py finds them: {sorted(told - listed)}"


async def test_the_references_are_what_the_database_says(servers):
    async with migrated(servers.pg_admin_dsn) as dsn:
        conn = await asyncpg.connect(dsn)
        try:
            assert stale(await from_database(conn)) == [], "run `make generate`"
        finally:
            await conn.close()


def test_every_package_of_the_lock_file_has_its_licence_listed():
    locked = set(re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE))
    listed = set(re.findall(r"^\| `([\w.-]+)` \|", (ROOT / "docs/licences.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert locked and listed == locked


def test_every_package_says_what_it_is_for():
    for package in licences.packages(LOCK):
        assert package.name in licences.USES or set(package.needed_by) - {"flatrender"}, f"add {package.name} to USES"


def test_every_projection_is_understood_by_the_references():
    """An event that writes must name its tables, or states.md and messages.md would be silent about it."""
    silent = [
        event.__name__
        for domain in all_domains()
        for event, write in domain.writes.items()
        if write.__name__ != "nothing" and not touches(write, event)
    ]
    assert silent == []


def test_every_document_stands_in_the_index():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    names = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md") if path.name != "README.md"]
    assert names and [name for name in names if f"({name})" not in index] == [], "add a line to docs/README.md"


def test_the_index_has_the_decisions_in_their_order_under_their_titles():
    index = " ".join((ROOT / "docs/README.md").read_text(encoding="utf-8").split())
    listed = re.findall(r"- (\d+): \[([^]]+)\]\(decisions/(\d{4})-", index)
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(". ") for path in records]
    assert listed == [(number, title, path.name[:4]) for (number, _, title), path in zip(titles, records, strict=True)]


def test_every_part_of_the_bench_is_explained():
    text = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    named = {name.partition(".")[0] for name in re.findall(r"`([\w.]+)`", text)}
    assert set(KNOWN) - named == set(), "say in docs/benchmarks.md what it measures beside what"


def test_the_nodes_document_names_the_protocol():
    assert f"Protocol version: **{PROTOCOL}**." in (ROOT / "docs/node-protocol.md").read_text(encoding="utf-8")


def test_decision_records_are_short():
    long = [path.name for path in (ROOT / "docs/decisions").glob("*.md") if len(path.read_text(encoding="utf-8").splitlines()) >= 60]
    assert long == []


def test_links_between_documents_lead_somewhere():
    missing = []
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                missing.append(f"{path.relative_to(ROOT)}: {target}")
    assert missing == []


def test_the_files_that_documents_name_exist():
    """Only paths from the repository's root; what a run makes (`bench.json`) has no folder."""
    missing = []
    for path in [ROOT / "CONTRIBUTING.md", ROOT / "docs/architecture.md", *(ROOT / "docs/decisions").glob("*.md")]:
        for named in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", path.read_text(encoding="utf-8")):
            if named.partition("/")[0] in FOLDERS and not (ROOT / named).exists():
                missing.append(f"{path.relative_to(ROOT)}: {named}")
    assert missing == []


def test_the_modules_that_documents_name_exist():
    """By their bare names, or with dots: what is renamed is renamed there too."""
    modules = [path for folder in (*CODE, "tests", "benchmarks") for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".sql")]
    bare = {path.name for path in modules}
    dotted = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in modules}
    missing = []
    for path in DOCUMENTS:
        text = re.sub(r"`consumers\.feedback`", "", path.read_text(encoding="utf-8"))  # the domain that a guide makes
        missing += [f"{path.name}: {named}" for named in re.findall(r"`([a-z_]+\.(?:py|sql))`", text) if named not in bare]
        for named in re.findall(rf"`((?:{'|'.join(CODE)})(?:\.\w+)+)(?<!\.png)(?:\([^`]*\))?`", text):
            module = next((one for one in shortened(named) if one in dotted), "")
            within = named[len(module) + 1 :].partition(".")[0]
            if not module or (within and within not in dotted[module].read_text(encoding="utf-8")):
                missing.append(f"{path.name}: {named}")
    assert missing == []


def test_the_addresses_that_documents_name_are_routes():
    routes = [path.split("/") for path in json.loads((ROOT / "docs/reference/openapi.json").read_text(encoding="utf-8"))["paths"]]
    missing = []
    for path in DOCUMENTS:
        for named in re.findall(r"(?<![\w/…])/v1/[\w/{}-]+", path.read_text(encoding="utf-8")):
            if not any(leads_to(named.rstrip("/").split("/"), route) for route in routes):
                missing.append(f"{path.name}: {named}")
    assert missing == []


def test_the_settings_that_documents_name_are_read_by_something():
    code = "".join(path.read_text(encoding="utf-8") for folder in (*CODE, "tests") for path in (ROOT / folder).rglob("*.py"))
    code += (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    named = {word for path in DOCUMENTS for word in re.findall(r"FLATRENDER_[A-Z0-9_]*[A-Z0-9]", path.read_text(encoding="utf-8"))}
    assert len(named) > 20
    assert [word for word in sorted(named) if word not in code] == []


def shortened(name: str) -> list[str]:
    """A dotted name and all that it begins with, the longest first."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def leads_to(named: list[str], route: list[str]) -> bool:
    """Whether an address in a text is one of this route; what stands in braces there may be anything."""
    return len(named) == len(route) and all(a == b or "{" in a or "{" in b for a, b in zip(named, route, strict=True))


def test_the_documents_for_programs_are_json():
    for name in ("openapi", "asyncapi"):
        document = json.loads((ROOT / f"docs/reference/{name}.json").read_text(encoding="utf-8"))
        assert document[name].startswith("3.")
