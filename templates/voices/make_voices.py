"""Makes the two spoken clips of the demo once, with espeak-ng (`pip install espeakng-loader`); the clips are kept beside this script."""

import ctypes
from pathlib import Path

import numpy as np

from templates.sound import HERTZ, Wave, encode

CLIPS = {
    "welcome-en.ogg": ("en", "Meet Ofogh. A light, for quiet evenings."),
    "welcome-fa.ogg": ("fa", "افق، نوری برای شب‌های آرام."),
}
_SYNCHRONOUS, _UTF8, _END_PAUSE = 2, 1, 0x1000  # espeak_ng's AUDIO_OUTPUT_SYNCHRONOUS, espeakCHARS_UTF8, espeakENDPAUSE
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(voice: str, words: str) -> tuple[int, Wave]:
    """Return the sampling rate and the samples (one channel) of spoken words."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    pieces: list[np.ndarray] = []

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float64) / 32768)
        return 0

    callback = _Callback(take)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(f"espeak-ng has no voice {voice}")
    for parameter, value in ((_RATE, 138), (_PITCH, 38), (_RANGE, 42)):
        library.espeak_SetParameter(parameter, value, 0)
    encoded = words.encode() + b"\0"
    library.espeak_Synth(encoded, len(encoded), 0, 1, 0, _UTF8 | _END_PAUSE, None, None)
    library.espeak_Synchronize()
    return rate, np.concatenate(pieces)


def polish(rate: int, voice: Wave) -> Wave:
    """Bring a voice to 48 kHz, take its sharpness, give it a little room, and level it."""
    length = int(len(voice) * HERTZ / rate)
    wave = np.interp(np.arange(length) * rate / HERTZ, np.arange(len(voice)), voice)
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(length, 1 / HERTZ)
    spectrum *= (1 / (1 + (hertz / 5200) ** 4)) * (hertz**2 / (hertz**2 + 90**2))
    wave = np.fft.irfft(spectrum, length)
    padded = np.concatenate([wave, np.zeros(HERTZ // 3)])
    wet = padded.copy()
    for delay, share in ((0.023, 0.16), (0.041, 0.12), (0.067, 0.09), (0.103, 0.06)):
        step = int(delay * HERTZ)
        wet[step:] += padded[:-step] * share
    shaped = np.tanh(wet / np.abs(wet).max() * 2.2)
    mono: Wave = (shaped / np.abs(shaped).max() * 0.9)[None, :]
    return mono


def main() -> None:
    """Write both clips beside this script and say how long and large they are."""
    for name, (voice, words) in CLIPS.items():
        wave = polish(*speak(voice, words))
        target = Path(__file__).with_name(name)
        encode(wave, target, "libopus", 48_000)
        print(f"{name}: {wave.shape[1] / HERTZ:.2f} s, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
