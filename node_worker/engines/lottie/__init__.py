"""Lottie and .lottie templates: scanned, filled with values, drawn by ThorVG."""

from node_worker.engines.lottie.engine import LottieEngine

__all__ = ["LottieEngine"]
