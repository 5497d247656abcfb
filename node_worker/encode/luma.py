"""A frame's small luma picture: what is compared between the frame that was drawn and the one that was decoded."""

import av
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.int16]  # (rows, columns), 16 (black) to 235 (white)

COLUMNS, ROWS = 64, 36
PATCH_WIDTH, PATCH_HEIGHT = 8, 4  # averaged in the middle of each cell, so that noise of single pixels does not count
LOW_BYTES = np.uint64(0x00FF00FF00FF00FF)


def luma_picture(frame: av.VideoFrame) -> Luma:
    """Average a patch in the middle of each of 64 x 36 cells of a yuv420p frame's Y plane (fewer cells in tiny frames)."""
    plane = frame.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    rows, columns = min(ROWS, frame.height), min(COLUMNS, frame.width)
    cell_height, cell_width = frame.height // rows, frame.width // columns
    height, width = min(PATCH_HEIGHT, cell_height), min(PATCH_WIDTH, cell_width)
    top, left = (cell_height - height) // 2, (cell_width - width) // 2
    line = luma.strides[0]
    patches = np.lib.stride_tricks.as_strided(
        luma[top:, left:], (rows, height, columns, width), (line * cell_height, line, cell_width, 1), writeable=False
    )
    return (_sums(np.ascontiguousarray(patches)) // (height * width)).astype(np.int16)


def _sums(patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Add up each patch; eight bytes at a time where the width allows it, three times as fast."""
    if patches.shape[3] != PATCH_WIDTH:
        return np.asarray(patches.sum(axis=(1, 3), dtype=np.uint32))
    words = patches.view(np.uint64)[..., 0]
    pairs = ((words & LOW_BYTES) + ((words >> np.uint64(8)) & LOW_BYTES)).sum(axis=1)
    return np.asarray(pairs[..., np.newaxis].view(np.uint16).sum(axis=-1, dtype=np.uint32))
