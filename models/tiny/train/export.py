"""Averaged weights as the program reads them: `python3 export.py RUN MODEL` writes both safetensors files and the vocabulary, and their digests into
MODEL/model.json."""
import hashlib
import json
import os
import struct
import sys

import torch

from network import SPELLING, with_alike


def write_safetensors(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.detach().cpu().float().contiguous().numpy().astype("<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[offset, offset + len(blob)])
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main(run, model):
    acoustic, vocoder = (torch.load(f"{run}/{name}.pt", map_location="cpu") for name in ("acoustic", "vocoder"))
    description = json.load(open(f"{model}/model.json"))
    files = {kind: entry["path"] for kind, entry in description["files"].items()}
    average = acoustic["average"]
    average["text_embed.text_embed.weight"] = with_alike(average["text_embed.text_embed.weight"])
    write_safetensors(f"{model}/{files['weights']}", {f"ema_model.transformer.{name}": tensor for name, tensor in average.items()})
    write_safetensors(f"{model}/{files['vocoder']}", {**vocoder["average"], "head.istft.window": torch.hann_window(1024)})
    open(f"{model}/{files['vocabulary']}", "w").write("\n".join(SPELLING) + "\n")
    description["architecture"] = {**description["architecture"], **acoustic["architecture"], "text_num_embeds": len(SPELLING)}
    size = vocoder["size"]
    description["vocoder"] = {**description["vocoder"], "dim": size["dim"], "intermediate_dim": 3 * size["dim"], "num_layers": size["layers"]}
    for entry in description["files"].values():
        data = open(f"{model}/{entry['path']}", "rb").read()
        entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    with open(f"{model}/model.json.part", "w") as file:
        file.write(json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    os.rename(f"{model}/model.json.part", f"{model}/model.json")


if __name__ == "__main__":
    main(*sys.argv[1:])
