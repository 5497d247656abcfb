"""Music and an effect made with numbers (80 beats a minute, D major), and their encoding with PyAV."""

from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float64]  # (2, samples), left and right, -1 to 1

HERTZ = 48_000
_BAR = 3.0  # seconds: four beats, the length of a scene
_CHORDS = (
    (50, 57, 61, 64, 66),
    (47, 54, 57, 62, 66),
    (43, 55, 59, 62, 66),
    (50, 57, 62, 64, 69),
)  # MIDI notes: D maj9, Bm7, G maj7, D add9
_STEPS = (0, 2, 1, 3, 4, 3, 2, 3)  # the order in which a bar's eighth notes walk through the chord


def music() -> Wave:
    """Return 14 s: a soft pad, a plucked walk and a bass over four chords; the last one rings out."""
    dry = np.zeros((2, int(14 * HERTZ)))
    for bar, chord in enumerate(_CHORDS):
        start = bar * _BAR
        last = bar == len(_CHORDS) - 1
        for index, note in enumerate(chord):
            _lay(dry, _pad(_hertz(note + 12 * (index == 0)), _BAR + (1.6 if last else 0.9)) * 0.06, start, (index - 2) * 0.3)
        _lay(dry, _bass(_hertz(chord[0] - 12), _BAR + (1.0 if last else 0.2)) * 0.15, start, 0.0)
        for eighth, step in enumerate(_STEPS[: 5 if last else 8]):
            louder = 0.26 if eighth % 4 == 0 else 0.18
            _lay(dry, _pluck(_hertz(chord[step] + 12)) * louder, start + eighth * _BAR / 8, 0.55 if eighth % 2 else -0.55)
    mixed = _room(dry, seconds=2.2, share=0.34)
    mixed[:, -HERTZ:] *= np.linspace(1, 0, HERTZ) ** 2
    return _level(mixed, 0.72)


def whoosh() -> Wave:
    """Return 2.4 s: air that swells and passes from left to right, and a small bell at its end."""
    count = int(2.4 * HERTZ)
    t = np.arange(count) / HERTZ
    swell = np.exp(-(((t - 0.42) / 0.19) ** 2))
    air = _band(np.random.default_rng(5).normal(0, 1, count), 350 + 2600 * np.exp(-(((t - 0.45) / 0.25) ** 2))) * swell
    pan = np.clip(t / 0.9, 0, 1)
    dry = np.stack([air * np.cos(pan * np.pi / 2), air * np.sin(pan * np.pi / 2)]) * 0.5
    for delay, note in ((0.5, 81), (0.59, 88)):
        _lay(dry, _bell(_hertz(note)) * 0.2, delay, 0.2)
    return _level(_room(dry, seconds=1.6, share=0.3), 0.7)


def encode(wave: Wave, target: Path, codec: str = "aac", bit_rate: int = 224_000) -> None:
    """Write a wave as a sound file; the format follows the file's suffix."""
    with av.open(str(target), "w", options={"fflags": "+bitexact"}) as out:
        layout = "stereo" if len(wave) == 2 else "mono"
        stream = cast(av.AudioStream, out.add_stream(codec, rate=HERTZ, layout=layout, options={"flags": "+bitexact"}))
        stream.bit_rate = bit_rate
        samples = np.ascontiguousarray(wave, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.pts = HERTZ, 0
        resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=HERTZ, frame_size=stream.frame_size or 960)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def _hertz(note: int) -> float:
    return float(440 * 2 ** ((note - 69) / 12))


def _lay(bed: Wave, tone: Wave, start: float, pan: float) -> None:
    """Add a mono tone at a second, at a place from -1 (left) to 1 (right), at equal power."""
    at = int(start * HERTZ)
    room = min(len(tone), bed.shape[1] - at)
    angle = (pan + 1) * np.pi / 4
    bed[0, at : at + room] += tone[:room] * np.cos(angle)
    bed[1, at : at + room] += tone[:room] * np.sin(angle)


def _pad(hertz: float, seconds: float) -> Wave:
    t = np.arange(int(seconds * HERTZ)) / HERTZ
    tone = np.zeros_like(t)
    for detune in (0.998, 1.002):
        for harmonic in range(1, 6):
            soft = 1 / harmonic**1.5 * (1 + 0.3 * np.sin(2 * np.pi * 0.31 * t + harmonic))
            tone += soft * np.sin(2 * np.pi * hertz * detune * harmonic * t + harmonic * detune * 7)
    envelope: Wave = np.minimum(1, t / 0.55) * np.minimum(1, (seconds - t) / 1.0)
    shaped: Wave = tone / 2 * np.sin(envelope * np.pi / 2) ** 2
    return shaped


def _bass(hertz: float, seconds: float) -> Wave:
    t = np.arange(int(seconds * HERTZ)) / HERTZ
    tone = np.sin(2 * np.pi * hertz * t) + 0.18 * np.sin(4 * np.pi * hertz * t)
    faded: Wave = tone * np.minimum(1, t / 0.03) * np.exp(-t * 0.7) * np.minimum(1, (seconds - t) / 0.3)
    return faded


def _pluck(hertz: float) -> Wave:
    t = np.arange(int(1.4 * HERTZ)) / HERTZ
    body = np.sin(2 * np.pi * hertz * t + 1.3 * np.exp(-t * 7) * np.sin(4 * np.pi * hertz * t))
    body += 0.22 * np.exp(-t * 6) * np.sin(6 * np.pi * hertz * t)
    faded: Wave = body * np.exp(-t * 4.2) * np.minimum(1, t / 0.004)
    return faded


def _bell(hertz: float) -> Wave:
    t = np.arange(int(1.8 * HERTZ)) / HERTZ
    partials = ((1.0, 1.0, 3.2), (2.0, 0.35, 4.5), (2.76, 0.28, 6.0), (5.4, 0.12, 9.0))  # ratios of a struck bar
    tone: Wave = np.sum([share * np.sin(2 * np.pi * hertz * ratio * t) * np.exp(-t * fall) for ratio, share, fall in partials], axis=0)
    return tone * np.minimum(1, t / 0.003)


def _band(noise: Wave, centre: Wave) -> Wave:
    """Let a band of the noise pass whose centre (in hertz) moves: a state-variable filter (Chamberlin's form)."""
    low = band = 0.0
    out = np.empty_like(noise)
    for index, (sample, push) in enumerate(zip(noise.tolist(), (2 * np.sin(np.pi * centre / HERTZ)).tolist(), strict=True)):
        low += push * band
        band += push * (sample - low - 0.9 * band)
        out[index] = band
    return out


def _room(dry: Wave, seconds: float, share: float) -> Wave:
    """Add the echo of a room: convolution with noise that dies away."""
    count = int(seconds * HERTZ)
    t = np.arange(count) / HERTZ
    echo = np.random.default_rng(80).normal(0, 1, (2, count)) * np.exp(-t * 6.9 / seconds)
    echo /= np.sqrt((echo**2).sum(axis=1, keepdims=True))
    size = 1 << (dry.shape[1] + count).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(echo, size), size)[:, : dry.shape[1]]
    mixed: Wave = dry * (1 - share) + wet * share
    return mixed


def _level(wave: Wave, peak: float) -> Wave:
    """Round off the highest peaks and bring the rest to a level."""
    shaped: Wave = np.tanh(wave / np.abs(wave).max() * 1.3)
    levelled: Wave = shaped / np.abs(shaped).max() * peak
    return levelled
