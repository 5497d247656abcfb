"""Lets texts without a colour be without fill or outline: the engine draws both black."""

from typing import Any

from node_worker.engines.lottie.elements import text_documents
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import kind_of, still
from node_worker.engines.lottie.schema import TEXT
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_HARDLY = 0.001  # pixels of an outline's width that nobody sees


def ink(document: Document, report: Report) -> None:
    """Take outlines without a colour away, and let an animator of the whole text hide its fill while it has none."""
    for layer in all_layers(document):
        texts = text_documents(layer) if kind_of(layer) == TEXT else []
        for text in texts:
            if text.get("sc") is None:
                text.pop("sw", None)
        _keep_outlines(texts)
        if any(text.get("fc") is None for text in texts):
            _hide_fill(layer["t"])


def _keep_outlines(texts: list[Document]) -> None:
    """Outline all keyframes' texts or none: the engine goes on with an outline that was drawn before, whichever frame that was."""
    outlined = [number(text.get("sw")) > 0 for text in texts]
    if any(outlined) and not all(outlined):
        for text, has_one in zip(texts, outlined, strict=True):
            if not has_one:
                text.update(sw=_HARDLY, sc=text.get("fc") or [0, 0, 0])


def _hide_fill(text: Document) -> None:
    frames = [
        {"t": frame.get("t", 0), "s": [0 if frame["s"].get("fc") is None else 100], "h": 1}
        for frame in objects(text["d"]["k"])
        if isinstance(frame.get("s"), dict)
    ]
    shown = [frame["s"][0] for frame in frames]
    opacity = still(shown[0]) if len(set(shown)) == 1 else {"a": 1, "k": frames}
    whole = {"t": 0, "b": 1, "sh": 1, "rn": 0, "r": 1, "s": still(0), "e": still(100), "o": still(0), "a": still(100)}
    held = text.get("a")
    animators = held if isinstance(held, list) else []
    text["a"] = [*animators, {"nm": "", "s": whole, "a": {"fo": opacity}}]
