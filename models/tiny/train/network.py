"""The acoustic network for training: the official DiT (see test/fixtures/golden/make.py, against which check.py compares it) on whole batches
of equally long clips, with dropped audio and text. Parameters have the official names."""
import math

import torch
import torch.nn.functional as F
from torch import nn

ARCHITECTURE = dict(dim=192, depth=7, heads=3, dim_head=64, ff_mult=2, mel_dim=100, text_dim=192, conv_layers=4,
                    text_mask_padding=True, text_embedding_average_upsampling=True)
SPELLING = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?;:'\"-"


# What the voices speak alike shares an embedding while it is learnt: `Q` and `:` are too rare to be learnt by themselves.
ALIKE = {**{letter.upper(): letter for letter in "abcdefghijklmnopqrstuvwxyz"}, "!": ".", "?": ".", ";": ",", ":": ",", "-": " ", '"': " "}


def tokens(text):
    return [SPELLING.index(ALIKE.get(character, character)) for character in text if character in SPELLING]


def with_alike(embedding):
    """The rows of characters that were learnt, copied to those that are spoken alike. Row 0 is the filler."""
    embedding = embedding.clone()
    for character, learnt in ALIKE.items():
        embedding[SPELLING.index(character) + 1] = embedding[SPELLING.index(learnt) + 1]
    return embedding


def table(shape):
    return nn.Parameter(torch.randn(shape) * 0.02)


class DiT(nn.Module):
    def __init__(self, arch=None, vocabulary=len(SPELLING)):
        super().__init__()
        self.a = {**ARCHITECTURE, **(arch or {})}
        a = self.a
        D, E, I, M = a["dim"], a["text_dim"], a["heads"] * a["dim_head"], a["mel_dim"]
        self.w = nn.ParameterDict()
        self.linear_layer("time_embed.time_mlp.0", D, 256)
        self.linear_layer("time_embed.time_mlp.2", D, D)
        self.put("text_embed.text_embed.weight", table((vocabulary + 1, E)))
        for i in range(a["conv_layers"]):
            name = f"text_embed.text_blocks.{i}"
            self.convolution(f"{name}.dwconv", E, 1, 7)
            self.put(f"{name}.norm.weight", nn.Parameter(torch.ones(E)))
            self.put(f"{name}.norm.bias", nn.Parameter(torch.zeros(E)))
            self.linear_layer(f"{name}.pwconv1", 2 * E, E)
            self.put(f"{name}.grn.gamma", nn.Parameter(torch.zeros(1, 1, 2 * E)))
            self.put(f"{name}.grn.beta", nn.Parameter(torch.zeros(1, 1, 2 * E)))
            self.linear_layer(f"{name}.pwconv2", E, 2 * E)
        self.linear_layer("input_embed.proj", D, 2 * M + E)
        for i in (0, 2):
            self.convolution(f"input_embed.conv_pos_embed.conv1d.{i}", D, D // 16, 31)
        for i in range(a["depth"]):
            name = f"transformer_blocks.{i}"
            self.linear_layer(f"{name}.attn_norm.linear", 6 * D, D, zero=True)  # a block begins as nothing: AdaLN-zero
            for part in "qkv":
                self.linear_layer(f"{name}.attn.to_{part}", I, D)
            self.linear_layer(f"{name}.attn.to_out.0", D, I)
            self.linear_layer(f"{name}.ff.ff.0.0", a["ff_mult"] * D, D)
            self.linear_layer(f"{name}.ff.ff.2", D, a["ff_mult"] * D)
        self.linear_layer("norm_out.linear", 2 * D, D, zero=True)
        self.linear_layer("proj_out", M, D, zero=True)

    def put(self, name, parameter):
        self.w[name.replace(".", "/")] = parameter  # a dictionary's names have no dots

    def get(self, name):
        return self.w[name.replace(".", "/")]

    def named(self):
        return {name.replace("/", "."): parameter for name, parameter in self.w.items()}

    def linear_layer(self, name, out, inside, zero=False):
        self.put(f"{name}.weight", nn.Parameter(torch.zeros(out, inside) if zero else torch.randn(out, inside) / math.sqrt(3 * inside)))
        self.put(f"{name}.bias", nn.Parameter(torch.zeros(out)))

    def convolution(self, name, out, inside, kernel):
        self.put(f"{name}.weight", nn.Parameter(torch.randn(out, inside, kernel) / math.sqrt(3 * inside * kernel)))
        self.put(f"{name}.bias", nn.Parameter(torch.zeros(out)))

    def linear(self, x, name):
        return F.linear(x, self.get(f"{name}.weight"), self.get(f"{name}.bias"))

    def embed_text(self, text, frames, dropped):
        """text [B, L] of tokens, -1 after them; dropped [B] → [B, frames, text_dim]"""
        a = self.a
        ids = F.pad((text + 1)[:, :frames], (0, max(0, frames - text.shape[1])))
        is_text = (ids > 0).unsqueeze(-1)
        x = F.embedding(ids * (~dropped).long().unsqueeze(1), self.get("text_embed.text_embed.weight"))
        mask = is_text if a["text_mask_padding"] else torch.ones_like(is_text)
        if a["conv_layers"] > 0:
            freqs = 1.0 / (10000.0 ** (torch.arange(0, a["text_dim"], 2, device=x.device).float() / a["text_dim"]))
            angles = torch.outer(torch.arange(frames, device=x.device).float(), freqs)
            x = (x + torch.cat([angles.cos(), angles.sin()], -1)) * mask
            for i in range(a["conv_layers"]):
                x = self.text_block(x, f"text_embed.text_blocks.{i}") * mask
        return self.spread(x, is_text) if a["text_embedding_average_upsampling"] else x

    @staticmethod
    def spread(x, is_text):
        """L tokens over T frames: each T // L times, the last T % L once more."""
        frames = x.shape[1]
        count = is_text.sum(1).clamp(min=1)  # [B, 1]
        repeats, longer = frames // count, frames % count
        shorter = count - longer
        boundary = shorter * repeats
        at = torch.arange(frames, device=x.device).unsqueeze(0)
        index = torch.where(at < boundary, at // repeats.clamp(min=1), shorter + (at - boundary) // (repeats + 1))
        index = torch.minimum(index, count - 1)
        return x.gather(1, index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))

    def text_block(self, x, name):
        y = F.conv1d(x.transpose(1, 2), self.get(f"{name}.dwconv.weight"), self.get(f"{name}.dwconv.bias"), padding=3, groups=x.shape[-1])
        y = F.layer_norm(y.transpose(1, 2), (x.shape[-1],), self.get(f"{name}.norm.weight"), self.get(f"{name}.norm.bias"), 1e-6)
        y = F.gelu(self.linear(y, f"{name}.pwconv1"))
        norm = y.float().norm(p=2, dim=1, keepdim=True)
        response = (norm / (norm.mean(-1, keepdim=True) + 1e-6)).to(y.dtype)
        y = self.get(f"{name}.grn.gamma") * (y * response) + self.get(f"{name}.grn.beta") + y
        return x + self.linear(y, f"{name}.pwconv2")

    def forward(self, x, cond, text, t, dropped_text):
        """State and reference [B, N, mel_dim], times [B] → flow [B, N, mel_dim]"""
        a, D = self.a, self.a["dim"]
        freqs = torch.exp(torch.arange(128, device=x.device).float() * -(math.log(10000) / 127))
        angles = 1000 * t.unsqueeze(1) * freqs
        time = self.linear(F.silu(self.linear(torch.cat([angles.sin(), angles.cos()], -1), "time_embed.time_mlp.0")), "time_embed.time_mlp.2")
        time = F.silu(time).unsqueeze(1)
        spoken = self.embed_text(text, x.shape[1], dropped_text)
        x = self.linear(torch.cat([x, cond, spoken], -1), "input_embed.proj")
        y = x.transpose(1, 2)
        for i in (0, 2):
            name = f"input_embed.conv_pos_embed.conv1d.{i}"
            y = F.mish(F.conv1d(y, self.get(f"{name}.weight"), self.get(f"{name}.bias"), padding=15, groups=16))
        x = x + y.transpose(1, 2)
        norm = lambda y, scale, shift: F.layer_norm(y, (D,), eps=1e-6) * (1 + scale) + shift
        rotary = self.rotary(x)
        for i in range(a["depth"]):
            name = f"transformer_blocks.{i}"
            shift1, scale1, gate1, shift2, scale2, gate2 = self.linear(time, f"{name}.attn_norm.linear").chunk(6, -1)
            x = x + gate1 * self.attention(norm(x, scale1, shift1), f"{name}.attn", rotary)
            y = F.gelu(self.linear(norm(x, scale2, shift2), f"{name}.ff.ff.0.0"), approximate="tanh")
            x = x + gate2 * self.linear(y, f"{name}.ff.ff.2")
        scale, shift = self.linear(time, "norm_out.linear").chunk(2, -1)
        return self.linear(norm(x, scale, shift), "proj_out")

    def rotary(self, x):
        d = self.a["dim_head"]
        freqs = 1.0 / (10000 ** (torch.arange(0, d, 2, device=x.device).float() / d))
        angles = torch.outer(torch.arange(x.shape[1], device=x.device).float(), freqs).repeat_interleave(2, -1)
        return angles.cos(), angles.sin()

    def attention(self, x, name, rotary):
        heads, d = self.a["heads"], self.a["dim_head"]
        q, k, v = (self.linear(x, f"{name}.to_{part}").unflatten(-1, (heads, d)).transpose(1, 2) for part in "qkv")
        cosines, sines = rotary

        def rotate(y):
            crossed = torch.stack((-y[..., 1::2], y[..., ::2]), -1).flatten(-2)
            return (y * cosines + crossed * sines).to(v.dtype)

        q, k = rotate(q), rotate(k)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(d), -1) @ v
        return self.linear(y.transpose(1, 2).flatten(-2), f"{name}.to_out.0")
