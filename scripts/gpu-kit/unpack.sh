#!/usr/bin/env bash
# unpack.sh PARTS FOLDER: puts the parts of pack.mjs together, once all of them are there, and says what the machine has.
# The models of this repository are large, and here already: they are linked.
set -euo pipefail
parts=$(realpath "$1") folder=$(realpath -m "$2") models=$(realpath "$(dirname "$0")/../../models")
cd "$parts"
missing=$(awk '{ print $2 }' SHA256SUMS | while read -r part; do [ -f "$part" ] || echo "$part"; done)
if [ -n "$missing" ]; then
  echo "still to come:" $missing
  exit 0
fi
sha256sum --quiet -c SHA256SUMS
mkdir -p "$folder"
cat part-* | tar xz -C "$folder"
ln -sfn "$models" "$folder/app/models"
echo "unpacked into $folder: Node $("$folder/bin/node" --version)"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader || echo "no NVIDIA driver here"
