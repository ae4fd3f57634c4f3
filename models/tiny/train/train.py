"""Trains the acoustic network: `python3 train.py DATA RUN [--steps 10000]`. Goes on from RUN/acoustic.pt if it is there."""
import argparse
import contextlib
import json
import math
import os
import random
import time

import numpy as np
import torch

from mel import HOP, Mel
from muon import Muon
from network import DiT, tokens
from speech import load

LONGEST = 800  # frames of prompt and speech: the model's limit
EMA = 0.999
WARM_STEPS = 200


class Batches:
    """Clips of nearly one length, cut to the shortest: no padding, no masks. A part of them are pairs of one voice, the first its prompt."""

    def __init__(self, clips, frames, device, seed):
        self.random, self.frames, self.device = random.Random(seed), frames, device
        self.mel = Mel().to(device)
        self.clips = sorted(((torch.from_numpy(audio), tokens(text), voice) for audio, text, voice in clips), key=lambda clip: len(clip[0]))
        self.by_voice = {}
        for clip in self.clips:
            self.by_voice.setdefault(clip[2], []).append(clip)

    def next(self, pairs):
        """→ mel [B, N, bands], text [B, L], span to fill in [B, N]"""
        examples = self.pairs() if self.random.random() < pairs else self.alone()
        samples = min(len(audio) for audio, _, _ in examples) // HOP * HOP
        wave = torch.stack([audio[:samples] for audio, _, _ in examples]).to(self.device, non_blocking=True).float() / 32767
        mel = self.mel(wave)[:, : samples // HOP]
        text = torch.full((len(examples), max(len(text) for _, text, _ in examples)), -1)
        span = torch.zeros(len(examples), mel.shape[1], dtype=torch.bool)
        for row, (_, spelled, prompt) in enumerate(examples):
            text[row, : len(spelled)] = torch.tensor(spelled)
            start, end = self.span(mel.shape[1], prompt)
            span[row, start:end] = True
        return mel, text.to(self.device), span.to(self.device)

    def span(self, frames, prompt):
        """What is to be spoken: all after a prompt, as when it is used; or a long piece anywhere, as F5-TTS trains."""
        if prompt is not None:
            return prompt, frames
        if self.random.random() < 0.5:
            return int(frames * self.random.uniform(0, 0.35)), frames
        length = int(frames * self.random.uniform(0.7, 1))
        start = int((frames - length) * self.random.random())
        return start, start + length

    def alone(self):
        longest = self.random.choice(self.clips)
        count = max(2, int(self.frames / (len(longest[0]) / HOP)))
        at = self.random.randrange(max(1, len(self.clips) - count))
        near = self.clips[at: at + count]
        return [(audio, text, None) for audio, text, _ in near]

    def pairs(self):
        found = []
        while len(found) < 4 * max(2, self.frames // 600):
            voice = self.by_voice[self.random.choice(list(self.by_voice))]
            first, second = self.random.choice(voice), self.random.choice(voice)
            if len(first[0]) + len(second[0]) <= LONGEST * HOP:
                found.append((torch.cat([first[0], second[0]]), first[1] + tokens(" ") + second[1], len(first[0]) // HOP))
        found.sort(key=lambda example: len(example[0]))
        count = max(2, int(self.frames / (len(found[len(found) // 2][0]) / HOP)))
        at = self.random.randrange(max(1, len(found) - count))
        return found[at: at + count]


def loss_of(model, mel, text, span, device):
    """Conditional flow matching: the flow from noise to speech, over the span. Times are denser near the noise, where the text decides."""
    count = len(mel)
    noise = torch.randn_like(mel)
    evenly = (torch.randperm(count, device=device) + torch.rand(count, device=device)) / count
    t = 1 - torch.cos(math.pi / 2 * evenly)
    state = torch.lerp(noise, mel, t[:, None, None])
    dropped_text = torch.rand(count, device=device) < 0.1
    dropped_audio = dropped_text | (torch.rand(count, device=device) < 0.2)
    cond = mel * ~span.unsqueeze(-1) * ~dropped_audio[:, None, None]
    flow = model(state, cond, text, t, dropped_text).float()
    error = ((flow - (mel - noise)) ** 2).mean(-1)
    return (error * span).sum() / span.sum()


def optimisers(model, rate):
    """Muon for the matrices of the blocks, Adam for all the rest"""
    is_inner = lambda name, p: p.ndim == 2 and "blocks" in name and "attn_norm" not in name
    inner, rest = ([p for name, p in model.named().items() if is_inner(name, p) == wanted] for wanted in (True, False))
    return [Muon(inner, lr=rate), torch.optim.Adam(rest, lr=rate, betas=(0.9, 0.98))]


def start_from(model, path):
    """Weights as they were exported, to be trained further"""
    blob = open(path, "rb").read()
    size = int.from_bytes(blob[:8], "little")
    parameters = model.named()
    for name, entry in json.loads(blob[8: 8 + size]).items():
        parameter = parameters.get(name.split("transformer.", 1)[-1])
        if parameter is not None:
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            parameter.data.copy_(torch.from_numpy(np.frombuffer(blob[start:end], "<f4").reshape(entry["shape"]).copy()))


def main(options):
    os.makedirs(options.run, exist_ok=True)
    path, device = f"{options.run}/acoustic.pt", options.device
    torch.manual_seed(options.seed)
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
    model = DiT(dict(dim=options.dim, depth=options.depth, heads=options.dim // 64)).to(device)
    if options.start_from:
        start_from(model, options.start_from)
    average = {name: p.detach().clone() for name, p in model.named().items()}
    both = optimisers(model, options.rate)
    step = 0
    if os.path.exists(path):
        saved = torch.load(path, map_location=device)
        model.load_state_dict(saved["model"])
        for optimiser, state in zip(both, saved["optimisers"]):
            optimiser.load_state_dict(state)
        average, step = saved["average"], saved["step"]
    batches = Batches(load(options.data), options.frames, device, options.seed + step)
    forward = torch.compile(model, dynamic=True) if options.compile else model
    half = torch.autocast(device, torch.bfloat16) if device == "cuda" else contextlib.nullcontext()
    ends_at = time.time() + options.minutes * 60
    saved_at, seen, from_time = time.time(), [], time.time()

    def save():
        torch.save(dict(model=model.state_dict(), optimisers=[optimiser.state_dict() for optimiser in both], average=average, step=step, architecture=model.a), path + ".part")
        os.rename(path + ".part", path)

    while step < options.steps and time.time() < ends_at:
        part = step / options.steps
        rate = options.rate * min(1, (step + 1) / WARM_STEPS) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
        for group in (group for optimiser in both for group in optimiser.param_groups):
            group["lr"] = rate
        mel, text, span = batches.next(pairs=0.0 if part < 0.2 else 0.3)
        with half:
            loss = loss_of(forward, mel, text, span, device)
        model.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if torch.isfinite(norm):
            for optimiser in both:
                optimiser.step()
        step += 1
        decay = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, p in model.named().items():
                average[name].lerp_(p, 1 - decay)
        seen.append(loss.item())
        if step % 50 == 0 or step == options.steps:
            print(f"step {step} loss {np.mean(seen):.4f} norm {norm:.2f} rate {rate:.2e} {(time.time() - from_time) / len(seen):.3f} s a step", flush=True)
            seen, from_time = [], time.time()
        if time.time() - saved_at > 60:
            save()
            saved_at = time.time()
    save()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("run")
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--minutes", type=float, default=1e9, help="ends, to be continued, after so many")
    parser.add_argument("--frames", type=int, default=64000, help="of one step")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--dim", type=int, default=192)
    parser.add_argument("--depth", type=int, default=7)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--start-from", help="weights as they were exported, such as ../model.safetensors")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
