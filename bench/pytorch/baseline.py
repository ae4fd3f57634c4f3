"""How fast plain PyTorch samples a model of this size: the figure that bench/gpu.ts is compared with, on the same machine.

The network is that of test/fixtures/golden/make.py (the official DiT, proven against it), with what the official code has for speed:
fused attention, both passes of the guidance as one batch, rotary tables made once, half precision.

    python3 baseline.py --model DIR [--device cuda] [--dtype f16] [--out FILE.json]     DIR: of `narrator models build`
    python3 baseline.py --check                                                         is it still equal to golden data?
"""
import argparse
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../../test/fixtures/golden")
sys.path.insert(0, GOLDEN)
import make  # noqa: E402  (the folder of the fixture is no package)

STEPS = [7, 16, 32]
PROMPT_FRAMES, SPEECH_FRAMES, BYTES_PER_FRAME = 469, 750, 75 / 469  # as in bench/gpu.ts
FRAMES_PER_SECOND = 24000 / 256


class Fast(make.F5):
    """`flow` takes the guided row, then (with guidance) the unguided one."""

    def __init__(self, arch, weights, device="cpu", dtype=torch.float32):
        # The state stays in single precision, and so does all that is computed once: text and times.
        super().__init__(arch, {name: tensor.to(device) for name, tensor in weights.items()})
        self.half = {name: tensor.to(dtype) for name, tensor in self.w.items()}
        self.device, self.dtype = device, dtype

    def layer(self, x, name):
        return F.linear(x, self.half[name + ".weight"], self.half[name + ".bias"])

    def tables(self, frames):
        d = self.a["dim_head"]
        freqs = 1.0 / (10000 ** (torch.arange(0, d, 2, device=self.device).float() / d))
        angles = torch.outer(torch.arange(frames, device=self.device).float(), freqs).repeat_interleave(2, -1)
        return angles.cos().to(self.dtype), angles.sin().to(self.dtype)

    def attention(self, x, name):
        a, (cosines, sines) = self.a, self.rotary
        rows, heads, d = x.shape[0], a["heads"], a["dim_head"]
        q, k, v = (self.layer(x, f"{name}.to_{p}").view(rows, -1, heads, d).transpose(1, 2) for p in "qkv")
        if a.get("qk_norm") == "rms_norm":
            rms = lambda y, n: (y.float() * torch.rsqrt(y.float().pow(2).mean(-1, keepdim=True) + 1e-6)
                                * self.w[f"{name}.{n}.weight"]).to(self.dtype)
            q, k = rms(q, "q_norm"), rms(k, "k_norm")
        turned = a.get("pe_attn_head") or heads

        def rotate(y):
            front = y[:, :turned]
            crossed = torch.stack((-front[..., 1::2], front[..., ::2]), -1).flatten(-2)
            return torch.cat([front * cosines + crossed * sines, y[:, turned:]], 1)

        fused = getattr(F, "scaled_dot_product_attention", None)
        q, k = rotate(q), rotate(k)
        y = fused(q, k, v) if fused else torch.softmax(q @ k.transpose(2, 3) / d**0.5, -1) @ v
        return self.layer(y.transpose(1, 2).reshape(rows, -1, heads * d), name + ".to_out.0")

    def flow(self, x, cond, text, t):
        a, D = self.a, self.a["dim"]
        t = F.silu(self.time_embedding(t)).to(self.dtype)
        x = self.layer(torch.cat([x, cond, text], -1).to(self.dtype), "input_embed.proj")
        y = x.transpose(1, 2)
        for i in (0, 2):
            name = f"input_embed.conv_pos_embed.conv1d.{i}"
            y = F.mish(F.conv1d(y, self.half[name + ".weight"], self.half[name + ".bias"], padding=15, groups=16))
        x = skip = x + y.transpose(1, 2)
        norm = lambda y, scale, shift: F.layer_norm(y, (D,), eps=1e-6) * (1 + scale) + shift
        for i in range(a["depth"]):
            name = f"transformer_blocks.{i}"
            shift1, scale1, gate1, shift2, scale2, gate2 = self.layer(t, name + ".attn_norm.linear").chunk(6, -1)
            x = x + gate1 * self.attention(norm(x, scale1, shift1), name + ".attn")
            y = F.gelu(self.layer(norm(x, scale2, shift2), name + ".ff.ff.0.0"), approximate="tanh")
            x = x + gate2 * self.layer(y, name + ".ff.ff.2")
        if a.get("long_skip_connection"):
            x = F.linear(torch.cat([x, skip], -1), self.half["long_skip_connection.weight"])
        scale, shift = self.layer(t, "norm_out.linear").chunk(2, -1)
        return self.layer(norm(x, scale, shift), "proj_out").float()

    def time_embedding(self, t):
        freqs = torch.exp(torch.arange(128, device=self.device).float() * -(make.math.log(10000) / 127))
        angles = 1000 * t.view(1, 1) * freqs.view(1, -1)
        x = torch.cat([angles.sin(), angles.cos()], -1)
        return self.linear(F.silu(self.linear(x, "time_embed.time_mlp.0")), "time_embed.time_mlp.2")

    def sample(self, noise, prompt, text, steps, cfg, sway):
        frames = noise.shape[1]
        self.rotary = self.tables(frames)
        cond = F.pad(prompt, (0, 0, 0, frames - prompt.shape[1]))
        rows = [(cond, self.text_embedding(text, frames, False))]
        if cfg >= 1e-5:
            rows.append((torch.zeros_like(cond), self.text_embedding(text, frames, True)))
        conds, texts = (torch.cat(parts) for parts in zip(*rows))
        times = make.time_grid(steps, sway).to(self.device)
        x = noise
        for t, t_next in zip(times[:-1], times[1:]):
            flows = self.flow(x.expand(len(rows), -1, -1), conds, texts, t)
            v = flows[:1] if len(rows) == 1 else flows[:1] + (flows[:1] - flows[1:]) * cfg
            x = x + (t_next - t) * v
        return x


def check():
    golden = json.load(open(f"{GOLDEN}/golden.json"))

    def get(name):
        entry = golden["arrays"][name]
        return torch.from_numpy(make.np.fromfile(f"{GOLDEN}/{name}.bin", entry["dtype"]).reshape(entry["shape"]))

    worst = 0.0
    for name in make.FLAVOURS:
        model = Fast(json.load(open(f"{GOLDEN}/{name}.json")), make.read_safetensors(f"{GOLDEN}/{name}.safetensors"))
        for i in range(len(golden["meta"]["durations"])):
            for r, run in enumerate(golden["meta"]["runs"]):
                got = model.sample(get(f"{name}_noise{i}"), get(f"mel{i}"), get(f"text{i}"), run["steps"], run["cfg"], run["sway"])
                error = (got - get(f"{name}_traj{i}_run{r}")).abs().max().item()
                worst = error if not error <= worst else worst  # NaN counts
    print(f"largest difference from golden data: {worst:.1e}")
    return 0 if worst < 5e-5 else 1


def measure(options):
    description = json.load(open(f"{options.model}/model.json"))
    weights = make.read_safetensors(f"{options.model}/{description['files']['weights']['path']}")
    dtype = {"f16": torch.float16, "f32": torch.float32}[options.dtype]
    if hasattr(torch, "set_default_device"):
        torch.set_default_device(options.device)
    model = Fast(description["architecture"], weights, options.device, dtype)
    wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None
    frames, mel = PROMPT_FRAMES + SPEECH_FRAMES, description["architecture"]["mel_dim"]
    text = torch.randint(0, min(100, description["architecture"]["text_num_embeds"]), (1, int(frames * BYTES_PER_FRAME)), device=options.device)
    noise = torch.randn(1, frames, mel, device=options.device)
    prompt = -10 * torch.rand(1, PROMPT_FRAMES, mel, device=options.device)
    rows = []
    for steps in STEPS[:1] if options.rounds == 1 else STEPS:
        seconds = []
        for _ in range(options.rounds + 1):
            wait()
            start = time.perf_counter()
            model.sample(noise, prompt, text, steps, 2.0, -1.0)
            wait()
            seconds.append(time.perf_counter() - start)
        median = sorted(seconds[1:])[len(seconds[1:]) // 2]
        rows.append(dict(steps=steps, batch=1, samplerSeconds=median, audioRate=SPEECH_FRAMES / FRAMES_PER_SECOND / median))
        print(f"{steps} steps: {median:.3f} s, {rows[-1]['audioRate']:.1f} audio-s/s (sampler alone)")
    if options.out:
        device = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
        json.dump(dict(torch=torch.__version__, device=device, dtype=options.dtype, rows=rows), open(options.out, "w"), indent=1)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--model")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="f16", choices=["f16", "f32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out")
    torch.set_grad_enabled(False)
    parsed = parser.parse_args()
    sys.exit(check() if parsed.check else measure(parsed))
