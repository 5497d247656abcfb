"""Size, length and colours of the demo template; every colour is a slot, so one value changes all scenes."""

from templates.lottie.values import Json, slot

WIDTH, HEIGHT, RATE, FRAMES = 1920, 1080, 30, 90
MIDDLE = WIDTH / 2

COLOURS = {"primary": "#4A5BEA", "accent": "#7FE3C4", "background": "#0F1433", "ink": "#F7F8FF"}
PRESETS = {
    "ember": ("Ember", {"primary": "#C63D5B", "accent": "#FFB765", "background": "#1C1028", "ink": "#FFF6EA"}),
    "meadow": ("Meadow", {"primary": "#1F8F6D", "accent": "#FFD56B", "background": "#0B2622", "ink": "#F4FFF8"}),
    "blossom": ("Blossom", {"primary": "#FFA79B", "accent": "#C7345F", "background": "#FFF3EC", "ink": "#3B1530"}),
}


def colour(name: str) -> Json:
    """Return the property of a shared colour: primary, accent, background, or ink (what is written with)."""
    return slot(name, COLOURS[name])
