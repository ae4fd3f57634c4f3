#!/usr/bin/env bash
# run.sh KIT STEP OUT: one step on the machine with the GPU; what it finds is written below OUT.
#   doctor      does the provider load, and with which libraries
#   correct     golden data on CUDA in both precisions, single and batched
#   placement   which nodes of the sampler are not on the GPU, and copies between
#   fast        audio-seconds a second by batch, steps, lengths and budget, at the size of F5TTS_v1_Base
#   pytorch     the same network in PyTorch, batch 1
set -euo pipefail
kit=$(realpath "$1") step=$2 out=$3
mkdir -p "$out"
# CUDA, cuBLAS, cuDNN and cuFFT come from the toolkit or from the wheels of the machine's Python.
wheels=$(python3 - <<'PY' 2>/dev/null || true
import glob, site, sys
folders = [folder for base in {*site.getsitepackages(), *sys.path} for folder in glob.glob(f"{base}/nvidia/*/lib")]
print(":".join(sorted(set(folders))))
PY
)
export LD_LIBRARY_PATH="$kit/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64:$wheels:/usr/local/cuda/lib64:${LD_LIBRARY_PATH:-}"
node() { "$kit/bin/node" "$@"; }
export NARRATOR_HOME=${GPU_KIT_HOME:-/tmp/gpu-kit-home}
model=$NARRATOR_HOME/models/base
need_model() {
  [ -f "$model/model.json" ] && return
  echo "making random weights of full size in $model"
  time node "$kit/app/main.js" models build base --random f5-tts-v1-base --seed 1 --precision f16
}
case $step in
  doctor)
    nvidia-smi | tee "$out/nvidia-smi.txt"
    ldd "$kit"/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so | tee "$out/ldd.txt"
    node "$kit/app/main.js" doctor --provider cuda 2>&1 | tee "$out/doctor.txt"
    ;;
  correct)
    for precision in f32 f16; do
      node "$kit/app/parity.js" --golden "${GPU_KIT_GOLDEN:-$kit/test/fixtures/golden}" --provider cuda --precision $precision 2>&1 | tee "$out/parity-$precision.txt"
    done
    ;;
  placement)
    need_model
    node "$kit/app/placement.js" --model "$model" --precision f16 >"$out/placement.txt" 2>&1 || true
    grep -E 'Node\(s\) placed|Memcpy|CPUExecutionProvider' "$out/placement.txt" | head -60 || echo "the log says nothing of placement: see $out/placement.txt"
    ;;
  fast)
    need_model
    node "$kit/app/gpu.js" --model "$model" --precision f16 --out "$out/gpu-f16.json" 2>&1 | tee "$out/gpu-f16.txt"
    ;;
  pytorch)
    need_model
    python3 "$kit/bench/pytorch/baseline.py" --model "$model" --out "$out/pytorch-f16.json" 2>&1 | tee "$out/pytorch-f16.txt"
    ;;
  *)
    echo "no step $step" >&2
    exit 2
    ;;
esac
