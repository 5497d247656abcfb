"""SVG drawings: rebuilt from what is known to be drawn and harmless, then drawn by the engine's library.

Libraries that draw SVG open local files through `href`, follow `use` without counting, and fetch what a document type names. So what a
person brings is never handed over: it is parsed here, its styles and uses are resolved, and a new document is written of known parts.
"""

from node_worker.pictures.svg.clean import rebuilt
from node_worker.pictures.svg.drawing import Drawing
from node_worker.pictures.svg.source import parse

__all__ = ["Drawing", "read"]


def read(raw: bytes, field: str) -> Drawing:
    """Read an SVG, packed by gzip or not. Raises TemplateRefused where it is damaged or too complex."""
    return rebuilt(parse(raw, field), field)
