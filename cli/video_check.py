"""Looks at a finished video from outside: its streams, its length, and whether every frame decodes."""

from fractions import Fraction
from pathlib import Path

import msgspec

from cli.errors import Mistake

SLACK = 0.1  # seconds by which sound may be longer or shorter than the picture (an AAC packet is 0.02 s)


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a video file; durations in seconds."""

    codec: str
    width: int
    height: int
    rate: Fraction
    frames: int  # that decoded
    duration: float
    audio_codec: str = ""
    audio_duration: float = 0.0


def examined(path: Path) -> Video:
    """Decode a whole video. Raises Mistake when something in it does not decode."""
    # PyAV takes 0.2 s to import and is not needed to talk to a service elsewhere.
    import av

    try:
        with av.open(str(path)) as file:
            picture = file.streams.video[0]
            sound = file.streams.audio[0] if file.streams.audio else None
            frames = samples = 0
            for frame in file.decode(*filter(None, (picture, sound))):
                if isinstance(frame, av.VideoFrame):
                    frames += 1
                elif isinstance(frame, av.AudioFrame):
                    samples += frame.samples
            rate = Fraction(picture.average_rate or 0)
            return Video(
                codec=picture.codec_context.name,
                width=picture.codec_context.width,
                height=picture.codec_context.height,
                rate=rate,
                frames=frames,
                duration=float(frames / rate) if rate else 0.0,
                audio_codec=sound.codec_context.name if sound else "",
                audio_duration=samples / sound.codec_context.sample_rate if sound else 0.0,
            )
    except (av.FFmpegError, IndexError) as error:
        raise Mistake("video.damaged", f"{path}: {error}", remedy="Keep the data folder and report this.") from error


def disagreements(video: Video, *, frames: int, width: int, height: int, rate: Fraction, sound: bool) -> list[str]:
    """How a video differs from what was asked for, a sentence each; empty when it is right."""
    expected = {"codec": "h264", "width": width, "height": height, "rate": rate, "frames": frames, "audio_codec": "aac" if sound else ""}
    found = [
        f"{name} is {getattr(video, name) or 'missing'}, expected {value or 'none'}"
        for name, value in expected.items()
        if getattr(video, name) != value
    ]
    length = float(frames / rate)
    if sound and abs(video.audio_duration - length) > SLACK:
        found.append(f"the sound is {video.audio_duration:.2f} s long, expected {length:.2f} s")
    return found


def strip(path: Path, target: Path, count: int = 4, width: int = 440) -> None:
    """Save `count` frames of a video, evenly spread, as one picture of two columns."""
    import av
    from PIL import Image

    total = examined(path).frames
    # The middle of each stretch: by then a scene has come in and not gone yet.
    wanted = {int((index + 0.55) * total / count) for index in range(count)}
    pictures: list[Image.Image] = []
    with av.open(str(path)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            if number in wanted:
                small = frame.reformat(width=width, height=round(width * frame.height / frame.width), format="rgb24")
                pictures.append(Image.fromarray(small.to_ndarray()))
    gap, (w, h) = 6, pictures[0].size
    sheet = Image.new("RGB", (2 * w + gap, -(-count // 2) * (h + gap) - gap), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % 2 * (w + gap), index // 2 * (h + gap)))
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)
