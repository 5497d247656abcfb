"""The finished video: exactly the verified packets, exact times, sound at its volumes, and nothing left behind on failure."""

import errno
import shutil
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from contracts.spec import AudioTrack
from node_worker.encode.assemble import assemble, timescale
from node_worker.encode.export import verify_export
from node_worker.engines.base import TemplateRefused
from tests.unit.encode.conftest import draw, files, jobs

RATE = Fraction(30)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return files(draw(jobs(tmp_path_factory.mktemp("drawn"), [30] * 10, RATE), RATE))


@pytest.fixture
def segments(tmp_path, drawn):
    """Ten segments of 30 frames, copied, so that a test may damage them."""
    (tmp_path / "segments").mkdir()
    return [
        msgspec.structs.replace(segment, path=shutil.copy(segment.path, tmp_path / "segments" / Path(segment.path).name))
        for segment in drawn
    ]


def sound(path: Path) -> np.ndarray:
    with av.open(path) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def amplitude(samples: np.ndarray, frequency: float, start: float, end: float, channel: int = 0) -> float:
    part = samples[channel, int(start * 48_000) : int(end * 48_000)]
    return float(2 * abs((part * np.exp(-2j * np.pi * frequency * np.arange(len(part)) / 48_000)).mean()))


@pytest.mark.parametrize(
    ("rate", "quality"),
    [
        (Fraction(30), "high"),
        (Fraction(30000, 1001), "standard"),
        (Fraction(24000, 1001), "draft"),
        (Fraction(25), "draft"),
        (Fraction(12345, 677), "draft"),
    ],
)
def test_times_are_exact_at_every_rate(tmp_path, tone, rate, quality):
    uneven = draw(jobs(tmp_path, [29, 1, 7, 23], rate), rate, quality)
    music = AudioTrack(kind="music", file="m")
    facts = assemble(files(uneven), tmp_path / "out.mp4", rate, [music], {"m": tone("m.wav", 440, 1, 0.3)})
    with av.open(tmp_path / "out.mp4") as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.duration * video.time_base == 60 / rate
        assert abs(audio.duration * audio.time_base - 60 / rate) <= 1 / min(rate.numerator, Fraction(48_000))
        frames = [frame.pts * frame.time_base for frame in container.decode(video)]
        assert video.average_rate == rate
        assert (video.codec_context.colorspace, video.codec_context.color_range) == (1, 1)
    assert frames == [index / rate for index in range(60)]
    assert (facts.frames, facts.duration, facts.streams) == (60, pytest.approx(float(60 / rate)), ("h264", "aac"))


def test_a_timescale_counts_frames_and_samples_in_whole_ticks():
    assert [timescale(Fraction(*rate)) for rate in ((30, 1), (25, 1), (30000, 1001), (24000, 1001))] == [48_000, 48_000, 240_000, 48_000]


def test_the_export_decodes_to_the_frames_of_its_segments(tmp_path, segments):
    assemble(segments, tmp_path / "out.mp4", RATE)
    left = []
    for segment in segments:
        with av.open(segment.path) as container:
            left += [frame.to_ndarray() for frame in container.decode(video=0)]
    with av.open(tmp_path / "out.mp4") as container:
        right = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(left) == 300
    assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_the_same_input_gives_the_same_bytes_and_no_half_written_file(tmp_path, segments, tone):
    tracks, paths = [AudioTrack(kind="voiceover", file="v", start=1)], {"v": tone("v.wav", 800, 2, 0.5)}
    first = assemble(segments, tmp_path / "a.mp4", RATE, tracks, paths)
    second = assemble(segments, tmp_path / "b.mp4", RATE, tracks, paths)
    assert first.sha256 == second.sha256
    assert first.bytes == (tmp_path / "a.mp4").stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4", "segments", "v.wav"}


def test_a_video_without_tracks_has_no_sound_and_starts_with_its_index(tmp_path, segments):
    facts = assemble(segments, tmp_path / "out.mp4", RATE, [AudioTrack(kind="sfx", file="s", volume=0)])
    assert facts.streams == ("h264",)
    data = (tmp_path / "out.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_each_track_sounds_at_its_time_and_volume_and_music_bows_to_the_voice(tmp_path, segments, tone):
    tracks = [
        AudioTrack(kind="music", file="m", volume=0.5),
        AudioTrack(kind="voiceover", file="v", start=3, volume=1.5),
        AudioTrack(kind="sfx", file="s", start=8, volume=0.5),
    ]
    paths = {"m": tone("m.wav", 440, 1.7, 0.4), "v": tone("v.wav", 1000, 3, 0.3), "s": tone("s.wav", 3000, 0.5, 0.5, channels=2)}
    assemble(segments, tmp_path / "out.mp4", RATE, tracks, paths)
    heard = sound(tmp_path / "out.mp4")
    whole = amplitude(heard, 440, 1, 2) / 0.2  # the factor of the whole mix
    assert amplitude(heard, 440, 7, 8) == pytest.approx(0.2 * whole, rel=0.03)
    assert 20 * np.log10(amplitude(heard, 440, 4, 5.5) / (0.2 * whole)) == pytest.approx(-9, abs=0.7)
    assert amplitude(heard, 1000, 3.2, 5.8) == pytest.approx(0.45 * whole, rel=0.03)
    assert amplitude(heard, 1000, 1, 2.9) < 0.002
    assert amplitude(heard, 3000, 8.1, 8.4) == pytest.approx(0.25 * whole, rel=0.03)
    assert amplitude(heard, 3000, 8.1, 8.4, channel=1) == pytest.approx(0.25 * whole, rel=0.03)
    assert amplitude(heard, 440, 9.9, 10) < 0.04


@pytest.mark.parametrize("loudness", [0.02, 0.9])
def test_quiet_and_loud_voices_lower_the_music_alike(tmp_path, segments, tone, loudness):
    tracks = [AudioTrack(kind="music", file="m"), AudioTrack(kind="voiceover", file="v", start=2)]
    assemble(segments, tmp_path / "out.mp4", RATE, tracks, {"m": tone("m.wav", 440, 1.7, 0.05), "v": tone("v.wav", 1000, 4, loudness)})
    heard = sound(tmp_path / "out.mp4")
    assert 20 * np.log10(amplitude(heard, 440, 3, 5.5) / amplitude(heard, 440, 0.5, 1.5)) == pytest.approx(-9, abs=1.5)


def test_tracks_that_are_too_loud_together_are_limited(tmp_path, segments, tone):
    tracks = [AudioTrack(kind="sfx", file="a", volume=2), AudioTrack(kind="sfx", file="b", volume=2)]
    assemble(segments, tmp_path / "out.mp4", RATE, tracks, {"a": tone("a.wav", 440, 3, 0.9), "b": tone("b.wav", 660, 3, 0.9)})
    heard = sound(tmp_path / "out.mp4")
    assert 0.5 < np.abs(heard[:, 9600:]).max() < 1.05
    assert amplitude(heard, 440, 1, 2) == pytest.approx(amplitude(heard, 660, 1, 2), rel=0.02)


def test_music_of_a_few_samples_repeats_to_the_end(tmp_path, segments, tone):
    assemble(segments, tmp_path / "out.mp4", RATE, [AudioTrack(kind="music", file="m")], {"m": tone("m.wav", 441, 100 / 44_100, 0.4)})
    end = sound(tmp_path / "out.mp4")[0, 7 * 48_000 : 8 * 48_000]
    assert 0.1 < float(np.sqrt((end**2).mean())) < 0.3


def test_a_sound_that_starts_after_the_end_is_silence(tmp_path, segments, tone):
    assemble(segments, tmp_path / "out.mp4", RATE, [AudioTrack(kind="sfx", file="s", start=1e9)], {"s": tone("s.wav", 440, 1, 0.5)})
    assert np.abs(sound(tmp_path / "out.mp4")).max() < 0.001


def test_a_broken_sound_is_refused_by_its_track_and_nothing_is_left(tmp_path, segments, tone):
    for name, content in {"text": b"not a sound", "cut": b"RIFF\x24\x00\x00\x00WAVEfmt ", "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        tracks = [AudioTrack(kind="sfx", file="good"), AudioTrack(kind="music", file="bad")]
        with pytest.raises(TemplateRefused) as refused:
            assemble(segments, tmp_path / "out.mp4", RATE, tracks, {"good": tone("s.wav", 440, 1, 0.5), "bad": str(tmp_path / name)})
        assert (refused.value.code, refused.value.field) == ("audio.unreadable", "audio.1"), name
        assert not list(tmp_path.glob("out.mp4*"))


def test_a_track_is_named_by_its_place_in_the_spec_even_after_a_silent_one(tmp_path, segments):
    (tmp_path / "bad").write_bytes(b"nothing")
    with pytest.raises(TemplateRefused) as refused:
        silent, bad = AudioTrack(kind="sfx", file="x", volume=0), AudioTrack(kind="sfx", file="bad")
        assemble(segments, tmp_path / "out.mp4", RATE, [silent, bad], {"bad": str(tmp_path / "bad")})
    assert refused.value.field == "audio.1"


def test_a_full_disk_is_told_with_its_number_and_leaves_nothing(tmp_path, segments):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError) as full:
            assemble(segments, tmp_path / "out.mp4", RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


def test_a_segment_whose_bytes_changed_is_refused_by_its_number(tmp_path, segments):
    path = Path(segments[4].path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TemplateRefused) as refused:
        assemble(segments, tmp_path / "out.mp4", RATE)
    assert (refused.value.code, refused.value.field) == ("segment.damaged", "segments.4")


def test_a_segment_of_another_length_or_encoder_is_refused(tmp_path, segments):
    wrong = [*segments[:2], msgspec.structs.replace(segments[2], frames=29)]
    with pytest.raises(TemplateRefused, match="30 frames, not 29"):
        assemble(wrong, tmp_path / "out.mp4", RATE)
    other = files(draw(jobs(tmp_path, [30], RATE), RATE, "high"))
    with pytest.raises(TemplateRefused, match="another encoder"):
        assemble([*segments, *other], tmp_path / "out.mp4", RATE)


def test_an_export_that_is_not_its_segments_is_refused(tmp_path, segments):
    out = tmp_path / "out.mp4"
    facts = assemble(segments, out, RATE)
    assert verify_export(out, RATE, [30] * 10, facts.video_packets_sha256) == facts
    with pytest.raises(TemplateRefused, match="not those"):
        verify_export(out, RATE, [30] * 10, "0" * 64)
    with pytest.raises(TemplateRefused, match="300 frames, not 310"):
        verify_export(out, RATE, [31] * 10, facts.video_packets_sha256)


def test_an_export_of_no_segments_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no segments"):
        assemble([], tmp_path / "out.mp4", RATE)
