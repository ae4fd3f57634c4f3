"""Log-mel spectrograms as F5-TTS and Vocos take them, on any device."""
import math

import torch

RATE, SIZE, HOP, BANDS = 24000, 1024, 256, 100


class Mel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        mel, hertz = (lambda f: 2595 * math.log10(1 + f / 700)), (lambda m: 700 * (10 ** (m / 2595) - 1))
        corners = hertz(torch.linspace(0, mel(RATE / 2), BANDS + 2).double())
        bins = torch.linspace(0, RATE / 2, SIZE // 2 + 1).double()[:, None]
        rise = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
        fall = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
        self.register_buffer("filters", torch.minimum(rise, fall).clamp(min=0).float())
        self.register_buffer("window", torch.hann_window(SIZE))

    def forward(self, wave):
        """[B, samples] → [B, 1 + samples // HOP, BANDS]"""
        spectrum = torch.stft(wave, SIZE, HOP, SIZE, self.window, center=True, pad_mode="reflect", return_complex=True)
        return (spectrum.abs().transpose(1, 2) @ self.filters).clamp(min=1e-5).log()
