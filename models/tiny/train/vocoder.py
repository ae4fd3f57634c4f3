"""Trains the vocoder (Vocos, arXiv 2306.00814) with a discriminator: `python3 vocoder.py DATA RUN [--steps 30000]`. Goes on from RUN/vocoder.pt."""
import argparse
import math
import os
import time

import torch
import torch.nn.functional as F
from torch import nn

from mel import BANDS, HOP, SIZE, Mel
from speech import load

CLIP_FRAMES = 64
WINDOWS = (2048, 1024, 512, 256, 128)
PERIODS = (2, 3, 5, 7, 11)
ADVERSARIAL_FROM = 0.1  # of all steps: before that there is nothing to tell apart
EMA = 0.999


class Block(nn.Module):
    def __init__(self, dim, inside, layers):
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(dim, inside), nn.Linear(inside, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1 / layers))

    def forward(self, x):
        y = self.norm(self.dwconv(x.transpose(1, 2)).transpose(1, 2))
        return x + self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))


class Vocos(nn.Module):
    """Names of parameters as in the published Vocos; see export.py."""

    def __init__(self, dim=192, inside=576, layers=5):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.embed = nn.Conv1d(BANDS, dim, 7, padding=3)
        self.backbone.norm = nn.LayerNorm(dim, eps=1e-6)
        self.backbone.convnext = nn.ModuleList(Block(dim, inside, layers) for _ in range(layers))
        self.backbone.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Module()
        self.head.out = nn.Linear(dim, SIZE + 2)
        self.register_buffer("window", torch.hann_window(SIZE), persistent=False)

    def forward(self, mel):
        """[B, frames, bands] → [B, (frames - 1) * HOP]"""
        x = self.backbone.norm(self.backbone.embed(mel.transpose(1, 2)).transpose(1, 2))
        for block in self.backbone.convnext:
            x = block(x)
        magnitude, phase = self.head.out(self.backbone.final_layer_norm(x)).float().transpose(1, 2).chunk(2, 1)
        magnitude = magnitude.exp().clamp(max=100)
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return torch.istft(spectrum, SIZE, HOP, SIZE, self.window, center=True)


class PeriodJudge(nn.Module):
    """Looks at every p-th sample (HiFi-GAN, arXiv 2010.05646)."""

    def __init__(self, period):
        super().__init__()
        self.period = period
        sizes = [1, 32, 64, 128, 256]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)) for a, b in zip(sizes, sizes[1:]))
        self.out = nn.Conv2d(sizes[-1], 1, (3, 1), 1, (1, 0))

    def forward(self, wave):
        x = F.pad(wave, (0, -wave.shape[1] % self.period)).view(len(wave), 1, -1, self.period)
        return judged(self, x)


class SpectrumJudge(nn.Module):
    """Looks at magnitudes of one window (UnivNet, arXiv 2106.07889)."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        self.layers = nn.ModuleList(nn.Conv2d(1 if i == 0 else 32, 32, (3, 9), (1, 1 if i == 0 else 2), (1, 4)) for i in range(4))
        self.out = nn.Conv2d(32, 1, 3, 1, 1)

    def forward(self, wave):
        return judged(self, magnitudes(wave, self.size, self.window).transpose(1, 2).unsqueeze(1))


def judged(judge, x):
    """→ verdicts, and what the layers saw"""
    seen = []
    for layer in judge.layers:
        x = F.leaky_relu(layer(x), 0.1)
        seen.append(x)
    return judge.out(x), seen


def magnitudes(wave, size, window):
    spectrum = torch.stft(wave, size, size // 4, size, window, return_complex=True)
    return (spectrum.real**2 + spectrum.imag**2 + 1e-9).sqrt()


def spectral_loss(made, real, windows):
    loss = 0.0
    for size, window in windows:
        a, b = magnitudes(made, size, window), magnitudes(real, size, window)
        loss = loss + (a.log() - b.log()).abs().mean() + 0.5 * (a - b).norm() / b.norm()
    return loss / len(windows)


def main(options):
    os.makedirs(options.run, exist_ok=True)
    path, device = f"{options.run}/vocoder.pt", options.device
    torch.manual_seed(options.seed)
    vocos, mel = Vocos(options.dim, 3 * options.dim, options.layers).to(device), Mel().to(device)
    judges = nn.ModuleList([*map(PeriodJudge, PERIODS), *map(SpectrumJudge, (2048, 1024, 512))]).to(device)
    windows = [(size, torch.hann_window(size, device=device)) for size in WINDOWS]
    makers = torch.optim.AdamW(vocos.parameters(), options.rate, (0.8, 0.99))
    critics = torch.optim.AdamW(judges.parameters(), options.rate, (0.8, 0.99))
    average, step = {name: p.detach().clone() for name, p in vocos.named_parameters()}, 0
    if os.path.exists(path):
        saved = torch.load(path, map_location=device)
        vocos.load_state_dict(saved["vocos"]), judges.load_state_dict(saved["judges"])
        makers.load_state_dict(saved["makers"]), critics.load_state_dict(saved["critics"])
        average, step = saved["average"], saved["step"]
    length = CLIP_FRAMES * HOP
    clips = [torch.from_numpy(audio) for audio, _, _ in load(options.data) if len(audio) > length]
    ends_at, saved_at, shown_at = time.time() + options.minutes * 60, time.time(), time.time()

    def save():
        torch.save(dict(vocos=vocos.state_dict(), judges=judges.state_dict(), makers=makers.state_dict(), critics=critics.state_dict(),
                        average=average, step=step, size=dict(dim=options.dim, layers=options.layers)), path + ".part")
        os.rename(path + ".part", path)

    while step < options.steps and time.time() < ends_at:
        for optimiser in (makers, critics):
            optimiser.param_groups[0]["lr"] = options.rate * (0.02 + 0.49 * (1 + math.cos(math.pi * step / options.steps)))
        chosen = [clips[i] for i in torch.randint(len(clips), (options.batch,))]
        starts = [int(torch.randint(len(clip) - length, ())) for clip in chosen]
        real = torch.stack([clip[at: at + length] for clip, at in zip(chosen, starts)]).to(device).float() / 32767
        target = mel(real)
        made = vocos(target)
        real = real[:, : made.shape[1]]
        heard = mel(made)[:, : target.shape[1]]
        loss = spectral_loss(made, real, windows) + 2 * (heard - target[:, : heard.shape[1]]).abs().mean()
        if step >= ADVERSARIAL_FROM * options.steps:
            critic = 0.0
            for judge in judges:
                critic = critic + F.relu(1 - judge(real)[0]).mean() + F.relu(1 + judge(made.detach())[0]).mean()
            critics.zero_grad(set_to_none=True)
            critic.backward()
            critics.step()
            for judge in judges:
                verdict, seen = judge(made)
                with torch.no_grad():
                    wanted = judge(real)[1]
                loss = loss + (F.relu(1 - verdict).mean() + 2 * sum((a - b).abs().mean() for a, b in zip(seen, wanted))) / len(judges)
        makers.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(vocos.parameters(), 10.0)
        if torch.isfinite(norm):
            makers.step()
        step += 1
        with torch.no_grad():
            for name, p in vocos.named_parameters():
                average[name].lerp_(p, 1 - min(EMA, (1 + step) / (10 + step)))
        if step % 100 == 0 or step == options.steps:
            print(f"step {step} loss {loss.item():.4f}, {time.time() - shown_at:.1f} s", flush=True)
            shown_at = time.time()
        if time.time() - saved_at > 60:
            save()
            saved_at = time.time()
    save()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("run")
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--minutes", type=float, default=1e9, help="ends, to be continued, after so many")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--dim", type=int, default=192)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
