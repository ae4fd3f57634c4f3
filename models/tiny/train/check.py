"""Does the recipe hold together? The network equals the golden one of the tests, both trainings run and go on, what is exported is read back.
`python3 check.py`, some minutes on a CPU."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../../../test/fixtures/golden")
sys.path[:0] = [HERE, GOLDEN]
import make  # noqa: E402
from network import DiT  # noqa: E402


def flows_differ():
    """Largest difference of one evaluation from the golden network, with and without text, two clips at once."""
    arch = {**json.load(open(f"{GOLDEN}/avg.json"))}
    weights = make.read_safetensors(f"{GOLDEN}/avg.safetensors")
    golden, model = make.F5(arch, weights), DiT(arch, arch["text_num_embeds"])
    for name, parameter in model.named().items():
        parameter.data = weights[name].reshape(parameter.shape)
    torch.manual_seed(1)
    state, cond = torch.randn(2, 70, 100), torch.randn(2, 70, 100)
    text = torch.tensor([[3, 1, 4, 1, 5, -1, -1], [2, 7, 1, 8, 2, 8, 1]])
    t, dropped = torch.tensor([0.3, 0.8]), torch.tensor([False, True])
    flows = model(state, cond, text, t, dropped)
    worst = 0.0
    for row in range(2):
        spelled = text[row][text[row] >= 0].unsqueeze(0)
        spoken = golden.text_embedding(spelled, 70, bool(dropped[row]))
        wanted = golden.flow(state[row: row + 1], cond[row: row + 1], spoken, t[row])
        error = (flows[row] - wanted[0]).abs().max().item()
        worst = error if not error <= worst else worst  # NaN counts
    return worst, flows.abs().max().item()


def run(*command):
    subprocess.run([sys.executable, *command], check=True, cwd=HERE)


torch.set_grad_enabled(False)
difference, largest = flows_differ()
print(f"the network and the golden one differ by {difference:.1e}; values reach {largest:.2f}")
assert difference < 1e-4
with tempfile.TemporaryDirectory() as folder:
    random = np.random.default_rng(0)
    clips = [(random.standard_normal(256 * frames) * 3000).astype(np.int16) for frames in random.integers(70, 200, 40)]
    os.makedirs(f"{folder}/data")
    texts = ["The quick brown fox jumps over the lazy dog."] * len(clips)
    np.savez(f"{folder}/data/speech-000.npz", audio=np.concatenate(clips), lengths=[len(clip) for clip in clips], texts=texts, voices=["slt", "rms"] * 20)
    for steps in ("3", "6"):  # the second goes on from the first
        run("train.py", f"{folder}/data", f"{folder}/run", "--steps", steps, "--frames", "600", "--device", "cpu")
        run("vocoder.py", f"{folder}/data", f"{folder}/run", "--steps", steps, "--batch", "2", "--device", "cpu")
    shutil.copytree(f"{HERE}/..", f"{folder}/model", ignore=shutil.ignore_patterns("train"))
    run("export.py", f"{folder}/run", f"{folder}/model")
    for file in ("model", "vocoder"):
        shapes = [{name: tensor.shape for name, tensor in make.read_safetensors(f"{path}/{file}.safetensors").items()
                   if name != "rotary_embed.inv_freq"}  # a constant, which the program computes
                  for path in (f"{HERE}/..", f"{folder}/model")]
        assert shapes[0] == shapes[1], file
    print("exported: names and shapes are those of the model that is there")
