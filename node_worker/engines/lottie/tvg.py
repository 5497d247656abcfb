"""A thin ctypes binding of libthorvg: one animation, drawn into a buffer of the caller without a copy."""

import ctypes
import functools
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt

from node_worker.engines.base import TemplateRefused

_ABGR8888 = 0  # bytes R, G, B, A, premultiplied; the ground below makes every pixel opaque in the end
_FULL_REDRAW = 0  # partial redraws rely on the last frame's pixels, and buffers take turns
_ALREADY_THERE = 2  # tvg_animation_set_frame answers this when the frame does not change

_PTR, _F, _U32 = ctypes.c_void_p, ctypes.c_float, ctypes.c_uint32
_SIGNATURES: dict[str, tuple[list[type], type]] = {
    "tvg_engine_init": ([_U32], _U32),
    "tvg_engine_version": ([_PTR, _PTR, _PTR, ctypes.POINTER(ctypes.c_char_p)], _U32),
    "tvg_swcanvas_create": ([_U32], _PTR),
    "tvg_swcanvas_set_target": ([_PTR, _PTR, _U32, _U32, _U32, _U32], _U32),
    "tvg_canvas_add": ([_PTR, _PTR], _U32),
    "tvg_canvas_update": ([_PTR], _U32),
    "tvg_canvas_draw": ([_PTR, ctypes.c_bool], _U32),
    "tvg_canvas_sync": ([_PTR], _U32),
    "tvg_canvas_destroy": ([_PTR], _U32),
    "tvg_animation_new": ([], _PTR),
    "tvg_animation_get_picture": ([_PTR], _PTR),
    "tvg_animation_set_frame": ([_PTR, _F], _U32),
    "tvg_animation_get_total_frame": ([_PTR, ctypes.POINTER(_F)], _U32),
    "tvg_animation_del": ([_PTR], _U32),
    "tvg_picture_load_data": ([_PTR, ctypes.c_char_p, _U32, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_bool], _U32),
    "tvg_picture_set_size": ([_PTR, _F, _F], _U32),
    "tvg_picture_new": ([], _PTR),
    "tvg_paint_unref": ([_PTR, ctypes.c_bool], ctypes.c_uint16),
    "tvg_paint_translate": ([_PTR, _F, _F], _U32),
}


def library_path() -> Path:
    """Where the wheel keeps the shared library; its Python wrapper is not imported."""
    spec = importlib.util.find_spec("thorvg_python")
    if spec is None or spec.origin is None:
        raise RuntimeError("thorvg-python is not installed: pip install 'flatrender[node]'")
    found = [p for p in sorted(Path(spec.origin).parent.glob("*thorvg*")) if p.suffix in (".so", ".dll", ".dylib")]
    if not found:
        raise RuntimeError("thorvg-python carries no library for this platform")
    return found[0]


@functools.cache
def library() -> ctypes.CDLL:
    """Load and initialise libthorvg once, without threads: its script engine is not thread-safe."""
    lib = ctypes.CDLL(str(library_path()))
    for name, (arguments, result) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.argtypes, function.restype = arguments, result
    _check(lib.tvg_engine_init(0), "initialise the engine")
    return lib


@functools.cache
def version() -> str:
    """Name libthorvg's own version, for example 1.0.4; does not initialise it."""
    lib = ctypes.CDLL(str(library_path()))
    lib.tvg_engine_version.argtypes = _SIGNATURES["tvg_engine_version"][0]
    text = ctypes.c_char_p()
    lib.tvg_engine_version(None, None, None, ctypes.byref(text))
    return (text.value or b"unknown").decode()


class Animation:
    """A document on a canvas: aspect-fit and centred in `size`."""

    def __init__(self, document: bytes, composition: tuple[float, float], size: tuple[int, int]) -> None:
        lib = self._lib = library()
        self.size = size
        self._canvas, self._animation, self._target = 0, lib.tvg_animation_new(), 0
        picture = lib.tvg_animation_get_picture(self._animation)
        if lib.tvg_picture_load_data(picture, document, len(document), b"lottie+json", b"", True):
            lib.tvg_animation_del(self._animation)
            raise TemplateRefused("lottie.unreadable", "The engine cannot read this animation; export it again from the designing program.")
        total = _F()
        _check(lib.tvg_animation_get_total_frame(self._animation, ctypes.byref(total)), "count frames")
        self.frames = float(total.value)
        self._canvas = lib.tvg_swcanvas_create(_FULL_REDRAW)
        self._compose(picture, composition)

    def _compose(self, picture: int, composition: tuple[float, float]) -> None:
        lib, (width, height) = self._lib, self.size
        scale = min(width / composition[0], height / composition[1])
        fitted = composition[0] * scale, composition[1] * scale
        lib.tvg_picture_set_size(picture, *fitted)
        lib.tvg_paint_translate(picture, (width - fitted[0]) / 2, (height - fitted[1]) / 2)
        _check(lib.tvg_canvas_add(self._canvas, picture), "add the animation")

    def draw(self, frame: float, into: npt.NDArray[np.uint8]) -> None:
        """Draw one frame (from 0, fractions allowed) over what is in a C-contiguous (height, width, 4) buffer."""
        lib, (width, height) = self._lib, self.size
        if into.shape != (height, width, 4) or into.dtype != np.uint8 or not into.flags.c_contiguous or not into.flags.writeable:
            raise ValueError(f"the buffer must be a writeable, contiguous uint8 array of shape {(height, width, 4)}")
        address = into.ctypes.data
        if address != self._target:
            _check(lib.tvg_swcanvas_set_target(self._canvas, address, width, width, height, _ABGR8888), "set the buffer")
            self._target = address
        moved = lib.tvg_animation_set_frame(self._animation, frame)
        if moved not in (0, _ALREADY_THERE):
            _check(moved, "move to a frame")
        _check(lib.tvg_canvas_update(self._canvas), "update")
        _check(lib.tvg_canvas_draw(self._canvas, False), "draw")
        _check(lib.tvg_canvas_sync(self._canvas), "finish drawing")

    def close(self) -> None:
        """Free the engine's memory; a second call does nothing."""
        if self._canvas:
            self._lib.tvg_canvas_destroy(self._canvas)
            self._lib.tvg_animation_del(self._animation)
            self._canvas = 0


def _check(result: int, what: str) -> None:
    if result:
        raise RuntimeError(f"libthorvg could not {what} (result {result})")
