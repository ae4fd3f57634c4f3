"""Speech for the sentences: `python3 speech.py SENTENCES FOLDER [--hours 20]`. Shards of 500; those that are there are not made again."""
import argparse
import os
import re
import sys
from multiprocessing import Pool

import numpy as np

import flite
from corpus import HELD_OUT

RATE = 24000
HOP = 256
SHARD = 500
VOICES = "slt rms awb kal"
EDGE_FRAMES = (2, 5)  # silence that is kept before and after
LEVEL = 0.1
# Faint noise instead of digital silence: log-mel frames of -11.5 are a needlessly extreme thing to learn.
DITHER = 1e-4
# How much of a word's deviation from the even pace of its neighbours stays, and how far a word is shortened or lengthened for it.
KEPT = 0.4
FACTORS = (0.55, 1.8)


def factors_of(text, times):
    """The model spreads the text evenly over the time; speech that does not drift from that needs no learning of the durations of a whole
    sentence. So each word is to begin where an even pace puts it, but for a part of its deviation from the words around it. None: no such pace."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    if len(words) != len(times) or len(words) < 2 or None in times:
        return None
    starts, ends = np.array(times).T
    pace = (ends[-1] - starts[0]) / len(text)  # seconds a character
    even = np.array([start for start, _ in words] + [len(text)]) * pace
    drift = np.append(starts, ends[-1]) - starts[0] - even
    count = len(drift)
    near = np.maximum(0, 1 - abs(np.subtract.outer(np.arange(count), np.arange(count))) / 3)  # two words on either side
    local = drift - near @ drift / near.sum(1)
    wanted = np.diff(even + KEPT * local * (np.arange(count) > 0))
    pauses = np.append(starts[1:] - ends[:-1], 0)
    return np.clip((wanted - pauses) / (ends - starts), *FACTORS)


def clip_of(job):
    number, text, voice = job
    _, _, times = flite.spoken(text, voice)
    factors = factors_of(text, times)
    if factors is None:
        return None
    samples, rate, times = flite.spoken(text, voice, factors)
    samples = resampled(samples.astype(np.float32) / 32768, rate)
    return cut(samples, times[0][0], times[-1][1], np.random.default_rng(number))


def resampled(samples, rate):
    """By the spectrum of the whole clip: exact, and nothing else is needed."""
    length = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)
    wide = np.zeros(length // 2 + 1, complex)
    wide[: min(len(wide), len(spectrum))] = spectrum[: len(wide)]
    return np.fft.irfft(wide, length) * (length / len(samples))


def cut(samples, start, end, random):
    """From the first word to the end of the last, both in seconds, with their edges → int16, whole hops, at one level; None for silence"""
    first, last = round(start * RATE / HOP) - EDGE_FRAMES[0], round(end * RATE / HOP) + EDGE_FRAMES[1]
    clip = np.zeros((last - first) * HOP)
    part = samples[max(0, first) * HOP: last * HOP]
    clip[max(0, -first) * HOP:][: len(part)] = part
    level = np.sqrt((clip**2).mean())
    if level < 1e-3:
        return None
    clip = clip * (LEVEL / level) + DITHER * random.standard_normal(len(clip))
    return (np.clip(clip, -1, 1) * 32767).astype(np.int16)


def main(options):
    os.makedirs(options.folder, exist_ok=True)
    sentences = open(options.sentences, encoding="utf8").read().splitlines()[:-HELD_OUT]
    sentences = [text for text in sentences if len(text) <= options.longest]
    voices = options.voices.split()
    seconds = 0.0
    with Pool(options.processes) as pool:
        for shard in range(len(sentences) // SHARD):
            path = f"{options.folder}/speech-{shard:03d}.npz"
            if not os.path.exists(path):
                jobs = [(number, sentences[number], voices[number % len(voices)]) for number in range(shard * SHARD, (shard + 1) * SHARD)]
                made = [(clip, text, voice) for clip, (_, text, voice) in zip(pool.map(clip_of, jobs, chunksize=10), jobs) if clip is not None]
                clips, texts, names = zip(*made)
                with open(path + ".part", "wb") as file:
                    np.savez(file, audio=np.concatenate(clips), lengths=[len(clip) for clip in clips], texts=texts, voices=names)
                os.rename(path + ".part", path)
            seconds += np.load(path)["lengths"].sum() / RATE
            print(f"{path}: {seconds / 3600:.2f} h so far", flush=True)
            if seconds >= options.hours * 3600:
                return
    sys.exit("The sentences are at an end before the hours are.")


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
    parser.add_argument("--voices", default=VOICES)
    parser.add_argument("--longest", type=int, default=110, help="characters of a sentence")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    main(parser.parse_args())
