"""Speech for the sentences: `python3 speech.py SENTENCES FOLDER [--hours 20]`. Shards of 500; those that are there are not made again."""
import argparse
import os
import subprocess
import sys
import tempfile
import wave
from multiprocessing import Pool

import numpy as np

from corpus import HELD_OUT

RATE = 24000
HOP = 256
SHARD = 500
# Name, and factor of flite's own duration: the voices speak at one pace, so that a pace need not be learnt with each voice.
VOICES = {"slt": 1.0, "rms": 1.0, "awb": 1.0, "kal": 1.0}
EDGE_FRAMES = (5, 8)  # silence that is kept before and after
LEVEL = 0.1
# Faint noise instead of digital silence: log-mel frames of -11.5 are a needlessly extreme thing to learn.
DITHER = 1e-4


def spoken(job):
    number, text, voice = job
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={VOICES[voice]}", "-t", text, file.name]
        if subprocess.run(command, capture_output=True).returncode != 0:
            return None
        with wave.open(file.name) as clip:
            rate, samples = clip.getframerate(), np.frombuffer(clip.readframes(clip.getnframes()), "<i2")
    return trimmed(resampled(samples.astype(np.float32) / 32768, rate), np.random.default_rng(number))


def resampled(samples, rate):
    """By the spectrum of the whole clip: exact, and nothing else is needed."""
    length = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)
    wide = np.zeros(length // 2 + 1, complex)
    wide[: min(len(wide), len(spectrum))] = spectrum[: len(wide)]
    return np.fft.irfft(wide, length) * (length / len(samples))


def trimmed(samples, random):
    """int16, whole hops, at one level; None for silence"""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    energy = np.sqrt((frames**2).mean(1))
    loud = np.flatnonzero(energy > 0.02 * energy.max()) if len(energy) else []
    if len(loud) == 0:
        return None
    start, end = loud[0] - EDGE_FRAMES[0], loud[-1] + 1 + EDGE_FRAMES[1]
    clip = np.zeros((end - start) * HOP)
    part = samples[max(0, start) * HOP: end * HOP]
    clip[max(0, -start) * HOP:][: len(part)] = part
    clip *= LEVEL / np.sqrt((clip**2).mean())
    clip += DITHER * random.standard_normal(len(clip))
    return (np.clip(clip, -1, 1) * 32767).astype(np.int16)


def main(options):
    os.makedirs(options.folder, exist_ok=True)
    sentences = open(options.sentences, encoding="utf8").read().splitlines()[:-HELD_OUT]
    seconds = 0.0
    with Pool(options.processes) as pool:
        for shard in range(len(sentences) // SHARD):
            path = f"{options.folder}/speech-{shard:03d}.npz"
            if not os.path.exists(path):
                jobs = [(number, sentences[number], list(VOICES)[number % len(VOICES)]) for number in range(shard * SHARD, (shard + 1) * SHARD)]
                made = [(clip, text, voice) for clip, (_, text, voice) in zip(pool.map(spoken, jobs, chunksize=10), jobs) if clip is not None]
                clips, texts, voices = zip(*made)
                with open(path + ".part", "wb") as file:
                    np.savez(file, audio=np.concatenate(clips), lengths=[len(clip) for clip in clips], texts=texts, voices=voices)
                os.rename(path + ".part", path)
            seconds += np.load(path)["lengths"].sum() / RATE
            print(f"{path}: {seconds / 3600:.2f} h so far", flush=True)
            if seconds >= options.hours * 3600:
                return
    sys.exit("The sentences are at an end before the hours are.") if seconds < options.hours * 3600 else None


def load(folder):
    """→ list of (int16 samples, text, voice)"""
    clips = []
    for name in sorted(os.listdir(folder)):
        if name.startswith("speech-") and name.endswith(".npz"):
            shard = np.load(f"{folder}/{name}")
            parts = np.split(shard["audio"], np.cumsum(shard["lengths"])[:-1])
            clips += [(part, str(text), str(voice)) for part, text, voice in zip(parts, shard["texts"], shard["voices"])]
    return clips


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sentences")
    parser.add_argument("folder")
    parser.add_argument("--hours", type=float, default=20)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    main(parser.parse_args())
