"""How far two pictures of one frame lie apart: the share of the pixels with something on them that differ visibly."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

BLUR = 1.2  # pixels: edges that two rasterisers place half a pixel apart are no difference
VISIBLE = 28  # of 255: less than this in every channel is no difference
DRAWN = 4  # of 255: a pixel that is this near to the background is empty
ALIKE = 0.02  # share of differing pixels under which a frame is right

Pixels = npt.NDArray[np.uint8]


def soft(picture: Image.Image) -> npt.NDArray[np.int16]:
    """A picture's pixels after the blur, (height, width, 3)."""
    return np.asarray(picture.convert("RGB").filter(ImageFilter.GaussianBlur(BLUR)), np.int16)


def unlike(ours: Image.Image, reference: Image.Image, background: tuple[int, int, int] = (255, 255, 255)) -> float:
    """Share (0 to 1) of the drawn pixels, of either picture, that differ. Raises ValueError where the sizes do."""
    if ours.size != reference.size:
        raise ValueError(f"the pictures measure {ours.size} and {reference.size}")
    a, b = soft(ours), soft(reference)
    ground = np.asarray(background, np.int16)
    drawn = (np.abs(a - ground).max(2) > DRAWN) | (np.abs(b - ground).max(2) > DRAWN)
    if not drawn.any():
        return 0.0
    return float((np.abs(a - b).max(2) > VISIBLE)[drawn].mean())


def sheet(ours: Image.Image, reference: Image.Image) -> Image.Image:
    """Ours, the reference, and where they differ (in red over the reference in grey), side by side."""
    differs = np.abs(soft(ours) - soft(reference)).max(2) > VISIBLE
    third = np.repeat(np.asarray(reference.convert("L"))[:, :, None], 3, 2) // 2 + 127
    third[differs] = (220, 0, 0)
    whole = Image.new("RGB", (reference.width * 3 + 8, reference.height), (90, 90, 90))
    for number, part in enumerate((ours.convert("RGB"), reference.convert("RGB"), Image.fromarray(third.astype(np.uint8)))):
        whole.paste(part, (number * (reference.width + 4), 0))
    return whole
