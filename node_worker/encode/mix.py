"""Mix a video's tracks over its whole length: volumes, music ducked under the voice, one loudness for all, a limiter at the end."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext

from contracts.spec import AudioTrack
from node_worker.encode.loudness import METER, heard
from node_worker.encode.progress import Progress
from node_worker.encode.sound import SAMPLE_RATE, SoundReader
from node_worker.encode.waveform import Samples

BLOCK = 4_800  # samples pushed to every track before the mix is read: 0.1 s
FADE = 1.5  # seconds over which music ends

# The voice is amplified and clipped before it steers the compressor, so that quiet and loud speech duck alike:
# a key at full scale is 18 dB over the threshold, of which a ratio of 2 takes away half, 9 dB.
KEY_GAIN = "40dB"
DUCK = "threshold=0.125:ratio=2:attack=30:release=400:knee=1:detection=peak:link=maximum"
LIMIT = "limit=0.95:attack=5:release=50:level=0:latency=1"


class MixGraph:
    """The filters between the tracks' samples and the mixed frames; inputs are in the order of the tracks."""

    def __init__(self, tracks: Sequence[AudioTrack], total: int, gain: float | None) -> None:
        """`gain` in dB goes over the whole mix; without one the mix goes through the meter, as it is."""
        self._graph = Graph()
        self.inputs: list[FilterContext] = []
        by_kind: dict[str, list[FilterContext]] = {"music": [], "voiceover": [], "sfx": []}
        for track in tracks:
            source = self._graph.add_abuffer(sample_rate=SAMPLE_RATE, format="fltp", layout="stereo")
            self.inputs.append(source)
            by_kind[track.kind].append(self._chain(source, "volume", f"volume={track.volume:.6f}:precision=double"))
        music, voice = self._sum(by_kind["music"]), self._sum(by_kind["voiceover"])
        if music and voice:
            music, voice = self._ducked(music, voice)
        if music:
            seconds = total / SAMPLE_RATE
            fade = min(FADE, seconds / 2)
            music = self._chain(music, "afade", f"t=out:st={seconds - fade:.6f}:d={fade:.6f}")
        mixed = self._sum([part for part in (music, voice, self._sum(by_kind["sfx"])) if part])
        assert mixed is not None, "a mix has at least one track"
        finished = (
            self._chain(self._chain(mixed, "volume", f"volume={gain}dB:precision=double"), "alimiter", LIMIT) if gain is not None else mixed
        )
        exact = self._chain(self._chain(finished, "apad", f"whole_len={total}"), "atrim", f"end_sample={total}")
        exact = self._chain(exact, METER, "metadata=1") if gain is None else exact
        self._sink = self._chain(self._chain(exact, "aformat", "sample_fmts=fltp:channel_layouts=stereo"), "abuffersink")
        self._graph.configure()

    def frames(self) -> Iterator[av.AudioFrame]:
        """Yield what is ready."""
        while True:
            try:
                yield self._sink.pull()  # type: ignore[misc]
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _chain(self, before: FilterContext, name: str, args: str | None = None, pad: int = 0) -> FilterContext:
        node = self._graph.add(name, args)
        before.link_to(node, pad)
        return node

    def _sum(self, parts: list[FilterContext]) -> FilterContext | None:
        if len(parts) < 2:
            return parts[0] if parts else None
        node = self._graph.add("amix", f"inputs={len(parts)}:normalize=0:duration=longest:dropout_transition=0")
        for index, part in enumerate(parts):
            part.link_to(node, 0, index)
        return node

    def _ducked(self, music: FilterContext, voice: FilterContext) -> tuple[FilterContext, FilterContext]:
        """Return the music lowered while the voice speaks, and the voice to be heard."""
        split = self._chain(voice, "asplit", "2")
        key = self._graph.add("volume", f"volume={KEY_GAIN}:precision=float")
        split.link_to(key, 1)
        clipped = self._chain(key, "asoftclip", "type=hard")
        compressor = self._chain(music, "sidechaincompress", DUCK)
        clipped.link_to(compressor, 0, 1)
        return compressor, split


def mix(tracks: Sequence[AudioTrack], paths: Mapping[str, str], total: int, progress: Progress) -> Iterator[av.AudioFrame]:
    """Yield `total` samples of 48 kHz stereo: music repeats to the end, voice and effects sound once from their start.

    It is mixed twice, the first time to hear how loud it is, which takes less than to keep it. Tracks of volume 0 are left out; at least
    one must sound. Raises TemplateRefused audio.unreadable, with the field of the track ("audio.0") whose file cannot be decoded.
    """
    volume = max(track.volume for track in tracks)
    gain = heard(_mixed(tracks, paths, total, None, progress)).gain(volume)
    yield from _mixed(tracks, paths, total, gain, progress)


def _mixed(
    tracks: Sequence[AudioTrack], paths: Mapping[str, str], total: int, gain: float | None, progress: Progress
) -> Iterator[av.AudioFrame]:
    sounding = [(index, track) for index, track in enumerate(tracks) if track.volume > 0]
    readers = [
        SoundReader(Path(paths[track.file]), start=track.start, loop=track.kind == "music", field=f"audio.{index}")
        for index, track in sounding
    ]
    graph = MixGraph([track for _, track in sounding], total, gain)
    for position in range(0, total, BLOCK):
        for reader, source in zip(readers, graph.inputs, strict=True):
            _push(source, reader.take(min(BLOCK, total - position)), position)
        progress.alive()
        yield from graph.frames()
    for source in graph.inputs:
        _push(source, None, total)
    yield from graph.frames()


def _push(source: FilterContext, samples: Samples | None, position: int) -> None:
    """Push a block (None ends the track); EOFError means that the mix is already as long as it should be."""
    frame = None
    if samples is not None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, position
    try:
        source.push(frame)
    except av.error.EOFError:
        return
