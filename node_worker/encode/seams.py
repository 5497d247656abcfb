"""Seams: whether two segments that were drawn apart from each other show one film.

A segment's node draws the frame before the segment's first one too; that picture must be what the segment before it ends with.
"""

import base64
import binascii

import numpy as np

from node_worker.encode.luma import COLUMNS, ROWS, Luma

BLOCK = 4  # cells of a luma picture that make one of an edge, each way: 16 x 9, 192 characters
# In luma steps of 255. Of 30 real templates at draft quality, each side drawn by an engine of its own, the worst were 0.24 and 2.
MEAN_TOLERANCE = 2.0
CELL_TOLERANCE = 12


def edge(picture: Luma) -> str:
    """A luma picture, 16 x 9 averages of it (tiny frames as they are), in base64."""
    if picture.shape == (ROWS, COLUMNS):
        picture = picture.reshape(ROWS // BLOCK, BLOCK, COLUMNS // BLOCK, BLOCK).mean(axis=(1, 3)).astype(np.int16)
    return base64.b64encode(picture.astype(np.uint8).tobytes()).decode()


def torn(last: str, before: str) -> str:
    """Why two segments do not belong together, from the earlier one's last frame and the frame that the later one begins after.

    Empty if they do, and if one of the edges is not known or not comparable.
    """
    try:
        ends, begins = (np.frombuffer(base64.b64decode(one, validate=True), np.uint8).astype(np.int16) for one in (last, before))
    except (binascii.Error, ValueError):
        return ""
    if not len(ends) or len(ends) != len(begins):
        return ""
    difference = np.abs(ends - begins)
    mean, most = float(difference.mean()), int(difference.max())
    if mean <= MEAN_TOLERANCE and most <= CELL_TOLERANCE:
        return ""
    return f"its beginning does not follow the end of the one before: they differ by {mean:.1f} luma steps, {most} at one place"
