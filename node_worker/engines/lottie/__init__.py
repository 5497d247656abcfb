"""Lottie and .lottie templates: scanned, filled with values, drawn by ThorVG. What goes through here, in this order:

| what | where |
|---|---|
| the file is opened | `bundle`, `names` (files by any writing of their names), `themes`, `playback` (how the manifest has it played) |
| the document is read | `guard` (what would stall or crash us), `upgrade` (old forms), `elements` (what a person may change) |
| it gets a person's values | `prepare`, which also runs all that follows; `colours`, `themes` |
| pictures are put into it | `embed`; `pictures` (as PNG), `views` (how large and how turned each is seen), `frames` (at its very place) |
| expressions become values | `expressions/` |
| what the engine draws otherwise is written anew | `rewrites/`, one feature each |
| texts become outlines, shapes and emoji | `text/` |
| what the engine reads is checked | `structure`; `schema` (`kinds`, `properties`), `references`, `weight`, `extent` (`paths`, `reach`) |
| it is cut where we mix colours ourselves | `mixing` |
| it is drawn | `engine`, `scene`, `tvg` (the library), `ground` (what is behind it) |

An upload goes the same way with the template's own values (`scan`, `features`). What a person should know is collected by `report`. All
read and write a document's properties by `sampling` (a value at a frame), `outline` (a shape as a path) and `keyed` (values as keyframes).
"""

from node_worker.engines.lottie.engine import LottieEngine

__all__ = ["LottieEngine"]
