"""Sounds: each sample at its file's time stamp, no padding of a coder, no seam where a loop begins again, and one loudness for a film."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from contracts.spec import AudioTrack
from node_worker.encode.loudness import TARGET, Loudness, heard
from node_worker.encode.mix import mix
from node_worker.encode.progress import Progress
from node_worker.encode.sound import SAMPLE_RATE, SoundReader
from node_worker.encode.waveform import Waveform
from node_worker.engines.base import TemplateRefused

HZ, COUNT = 440, 100_003  # a length that is no whole number of any coder's frames
Write = Callable[..., Path]


def sine(rate: int, count: int) -> np.ndarray:
    return (np.sin(2 * np.pi * HZ * np.arange(count) / rate) * 0.3).astype(np.float32)[np.newaxis]


def packets(container: av.container.OutputContainer, codec: str, rate: int, samples: np.ndarray, start: int = 0) -> Iterator[av.Packet]:
    """The samples in a stream of the container; `start` is the time stamp of the first."""
    stream = container.add_stream(codec, rate=rate, layout="mono")
    cut = av.AudioResampler(stream.codec_context.format.name, "mono", rate, frame_size=stream.codec_context.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    for part in (*cut.resample(frame), *cut.resample(None), None):
        yield from stream.encode(part)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a sine into a container; `moved` maps a packet to the seconds that it lies later (None: it is left out)."""

    def made(
        name: str,
        kind: str,
        codec: str,
        rate: int = 44_100,
        *,
        count: int = COUNT,
        start: int = 0,
        moved: Callable[[int], float | None] = lambda index: 0.0,
        **options: str,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", format=kind, options=options) as container:
            for index, packet in enumerate(packets(container, codec, rate, sine(rate, count), start)):
                later = moved(index)
                if later is None:
                    continue
                ticks = round(later / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                container.mux(packet)
        return path

    return made


def whole(path: Path) -> np.ndarray:
    """All of a file at its own rate, one channel."""
    return np.concatenate(list(Waveform(path).blocks()), axis=1)[0]


def read(path: Path, seconds: float, *, loop: bool = False) -> np.ndarray:
    return SoundReader(path, start=0, loop=loop, field="audio.0").take(round(seconds * SAMPLE_RATE))[0]


EXACT = [
    ("a.m4a", "ipod", "aac", 44_100),
    ("a.mov", "mov", "aac", 48_000),
    ("a.m4a", "ipod", "alac", 44_100),
    ("a.mp4", "mp4", "libopus", 48_000),
    ("a.mp4", "mp4", "flac", 44_100),
    ("a.webm", "webm", "libopus", 48_000),
    ("a.mkv", "matroska", "libmp3lame", 44_100),
    ("a.ogg", "ogg", "libopus", 48_000),
    ("a.ogg", "ogg", "flac", 44_100),
    ("a.mp3", "mp3", "libmp3lame", 44_100),
    ("a.flac", "flac", "flac", 44_100),
    ("a.wav", "wav", "pcm_s16le", 44_100),
    ("a.aiff", "aiff", "pcm_s16be", 44_100),
    ("a.caf", "caf", "alac", 44_100),
]


@pytest.mark.parametrize(("name", "kind", "codec", "rate"), EXACT, ids=lambda value: str(value))
def test_a_sound_has_the_length_that_was_put_in(write: Write, name: str, kind: str, codec: str, rate: int) -> None:
    found = whole(write(name, kind, codec, rate))
    assert len(found) == COUNT
    middle = slice(4_000, COUNT - 4_000)
    assert np.abs(found[middle] - sine(rate, COUNT)[0][middle]).max() < 0.15  # a sample late would be a sign of padding kept at the start


@pytest.mark.parametrize(("name", "kind", "codec", "rate"), EXACT, ids=lambda value: str(value))
def test_a_loop_goes_over_into_itself(write: Write, name: str, kind: str, codec: str, rate: int) -> None:
    whole_waves = rate * 3 // 4  # 330 waves of 440 Hz
    sound = read(write(name, kind, codec, rate, count=whole_waves), 3.5, loop=True)
    for seam in (0.75, 1.5, 2.25, 3.0):
        part = sound[round((seam - 0.01) * SAMPLE_RATE) : round((seam + 0.01) * SAMPLE_RATE)]
        level = np.sqrt((part**2).mean()) / (0.3 / np.sqrt(2))
        assert level == pytest.approx(1, abs=0.05), seam
        assert np.abs(np.diff(part)).max() < 2.5 * 0.3 * 2 * np.pi * HZ / SAMPLE_RATE, seam


@pytest.mark.parametrize(
    ("name", "kind", "codec"),
    [("g.webm", "webm", "libopus"), ("g.mkv", "matroska", "aac"), ("g.mp4", "mp4", "aac"), ("g.m4a", "ipod", "alac")],
)
def test_a_gap_is_silent_for_as_long_as_the_time_stamps_say(write: Write, name: str, kind: str, codec: str) -> None:
    plain = whole(write("plain" + name, kind, codec, 48_000, count=96_000))
    found = whole(write(name, kind, codec, 48_000, count=96_000, moved=lambda index: 0.75 if index >= 12 else 0.0))
    assert len(found) - len(plain) == pytest.approx(36_000, abs=100)
    quiet = np.flatnonzero(np.convolve(np.abs(found), np.ones(480) / 480, "same") < 0.005)
    assert len(quiet) == pytest.approx(36_000, abs=1_500)
    assert np.abs(found[-20_000:-4_000] - plain[-20_000:-4_000]).max() < 0.05


@pytest.mark.parametrize(("name", "kind"), [("l.webm", "webm"), ("l.mkv", "matroska")])
def test_every_lost_packet_is_made_good_by_silence(write: Write, name: str, kind: str) -> None:
    found = whole(write(name, kind, "libopus", 48_000, count=96_000, moved=lambda index: None if index in (20, 40, 41) else 0.0))
    assert len(found) == pytest.approx(96_000, abs=100)


def test_time_stamps_that_are_a_little_early_or_late_move_nothing(write: Write) -> None:
    found = whole(write("j.mkv", "matroska", "libopus", 48_000, count=96_000, moved=lambda index: 0.004 * (index % 3)))
    assert np.abs(np.diff(found[2_000:-2_000])).max() < 2 * 0.3 * 2 * np.pi * HZ / 48_000


def test_what_overlaps_is_heard_once(write: Write) -> None:
    found = whole(write("o.mkv", "matroska", "pcm_s16le", 48_000, count=96_000, moved=lambda index: -min(0.1, 0.005 * max(0, index - 30))))
    assert len(found) == pytest.approx(96_000 - 4_800, abs=100)


def test_recordings_put_one_behind_the_other_are_heard_one_after_the_other(write: Write) -> None:
    one = write("one.ogg", "ogg", "flac").read_bytes()
    path = write("two.ogg", "ogg", "flac")
    path.write_bytes(one + path.read_bytes())
    assert len(whole(path)) == pytest.approx(2 * COUNT, abs=10)


def test_a_films_sound_that_begins_late_does(write: Write) -> None:
    found = whole(write("late.m4a", "ipod", "aac", start=22_050))
    assert np.flatnonzero(np.abs(found) > 0.1)[0] == pytest.approx(22_050, abs=100)


def test_a_piece_of_a_broadcast_begins_at_once(write: Write) -> None:
    found = whole(write("live.webm", "webm", "libopus", 48_000, start=480_000))
    assert len(found) == pytest.approx(COUNT, abs=100)


@pytest.mark.parametrize(("noted", "length"), [(COUNT - 500, COUNT - 500), (COUNT - 20_000, COUNT), (0, COUNT)])
def test_the_note_that_itunes_leaves_is_believed_within_a_coders_padding(write: Write, noted: int, length: int) -> None:
    plain = write("plain.m4a", "mp4", "aac")
    path = plain.with_name("noted.m4a")
    with av.open(str(plain)) as source, av.open(str(path), "w", format="mp4", options={"movflags": "use_metadata_tags"}) as target:
        target.metadata["iTunSMPB"] = f" 00000000 00000400 00000000 {noted:016X} 00000000"
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    assert len(whole(path)) == pytest.approx(length, abs=50)  # without the note a length in milliseconds


def mixed(tracks: list[AudioTrack], paths: dict[str, str], seconds: float = 6) -> np.ndarray:
    return np.concatenate([frame.to_ndarray() for frame in mix(tracks, paths, round(seconds * SAMPLE_RATE), Progress())], axis=1)


def loudness(samples: np.ndarray) -> float:
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="fltp", layout="stereo")
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
    frame.sample_rate = SAMPLE_RATE
    source.push(frame)
    source.push(None)

    def measured() -> Iterator[av.AudioFrame]:
        while True:
            try:
                yield sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    return heard(measured()).lufs


@pytest.mark.parametrize("amplitude", [0.05, 0.3, 0.9])
def test_a_film_is_as_loud_as_players_expect_however_its_sounds_were_recorded(tone: Callable[..., str], amplitude: float) -> None:
    voice = AudioTrack(kind="voiceover", file="v")
    assert loudness(mixed([voice], {"v": tone("v.wav", 1000, 6, amplitude)})) == pytest.approx(TARGET, abs=0.3)


def test_a_volume_keeps_its_meaning(tone: Callable[..., str]) -> None:
    paths = {"m": tone("m.wav", 440, 2, 0.2)}
    for volume, expected in ((1.0, 0.0), (0.5, -6.02), (0.1, -20.0)):
        found = loudness(mixed([AudioTrack(kind="music", file="m", volume=volume)], paths))
        assert found == pytest.approx(TARGET + expected, abs=0.6), volume


def test_silence_and_what_is_too_short_to_be_measured_are_left_as_they_are(tone: Callable[..., str]) -> None:
    silent = mixed([AudioTrack(kind="sfx", file="s")], {"s": tone("s.wav", 440, 1, 0.0)})
    assert np.abs(silent).max() < 1e-6
    short = mixed([AudioTrack(kind="sfx", file="s")], {"s": tone("s.wav", 440, 1, 0.25)}, seconds=0.2)
    assert np.abs(short).max() == pytest.approx(0.25, rel=0.05)


def test_what_is_raised_is_never_pressed_down_by_its_peaks() -> None:
    assert Loudness(lufs=-30.0, peak=0.5).gain(1.0) == 5.6
    assert Loudness(lufs=-50.0, peak=0.001).gain(1.0) == 20.0
    assert Loudness(lufs=-8.0, peak=1.4).gain(1.0) == -6.0
    assert Loudness(lufs=-14.0, peak=0.3).gain(0.5) == -6.0


def test_a_file_without_sound_is_refused_by_its_track(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 36, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(TemplateRefused) as refused:
        read(path, 1)
    assert (refused.value.code, refused.value.field) == ("audio.unreadable", "audio.0")
