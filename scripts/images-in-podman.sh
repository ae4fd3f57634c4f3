#!/usr/bin/env bash
# Builds the Dockerfile as it is and runs docker-compose.yml as it is, on a machine with neither Docker nor a registry of images: with
# buildah and podman, on stand-ins for the base images made of Debian packages and this machine's Node. One override replaces the
# emulator of AWS, which is no Debian package, with the one of the tests.
# Shows: the Dockerfile's steps, the wiring of the services, health checks, signals, a narration from end to end by a worker, and by the
# container of an endpoint.
# Does not show: the real base images, BuildKit, resource limits, GPUs, the emulator that docker-compose.yml names.
#   sudo scripts/images-in-podman.sh FOLDER       Debian 12 on x64, root; 3 GB in FOLDER, some 6 minutes at first
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo "use: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1"
work=$(realpath "$1")
step() { printf '== %s (%d s, %s)\n' "$1" "$SECONDS" "$(du -shx "$work" 2>/dev/null | cut -f1)"; }

# ---------------------------------------------------------------- tools
step 'tools'
export DEBIAN_FRONTEND=noninteractive
missing=()
for package in buildah podman crun netavark aardvark-dns iptables catatonit mmdebstrap iproute2; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
compose=$work/docker-compose
if [ ! -x "$compose" ]; then
  # Compose v2 came with Debian 13; its one binary runs on 12.
  apt=$work/apt
  mkdir -p "$apt"/{sources,lists/partial,cache/archives/partial}
  sed -E 's/^(Suites: ).*/\1trixie/' /etc/apt/sources.list.d/debian.sources | awk 'BEGIN { RS = "" } NR == 1' >"$apt/sources/trixie.sources"
  options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache")
  apt-get "${options[@]}" update -qq
  (cd "$apt" && apt-get "${options[@]}" download -qq docker-compose && dpkg-deb -x docker-compose_*.deb unpacked)
  cp "$apt/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$compose"
fi

# ---------------------------------------------------------------- podman, with all that it keeps in FOLDER
mkdir -p "$work/networks"
cat >"$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/run"
CONF
printf 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n' >"$work/registries.conf"
# crun refuses a machine that has both versions of cgroups mounted; in a mount namespace of its own it sees one.
cat >"$work/crun-one-cgroup" <<'WRAPPER'
#!/bin/sh
exec unshare --mount --propagation slave sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec /usr/bin/crun "$@"' crun "$@"
WRAPPER
chmod +x "$work/crun-one-cgroup"
open_files=$(ulimit -Hn)
cat >"$work/containers.conf" <<CONF
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=$open_files:$open_files", "nproc=32768:32768"]
log_driver = "k8s-file"
init_path = "/usr/bin/catatonit"
[engine]
runtime = "crun-one-cgroup"
runtime_supports_nocgroup = ["crun-one-cgroup"]
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
crun-one-cgroup = ["$work/crun-one-cgroup"]
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
CONF
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf
export CONTAINERS_REGISTRIES_CONF=$work/registries.conf BUILDAH_ISOLATION=chroot DISABLE_HC_SYSTEMD=true

# ---------------------------------------------------------------- stand-ins, under the names that our files use
image_of() { sed -n "s|^ARG $1=docker.io/||p" Dockerfile; }
service_image() { sed -n "s|^ *image: docker.io/\(.*$1.*\)|\1|p" docker-compose.yml; }
node_image=docker.io/$(image_of NODE_IMAGE)
queue_image=docker.io/$(service_image valkey)
store_image=docker.io/$(service_image floci)
debian=localhost/debian-stand-in

if ! podman image exists "$node_image"; then
  step 'base images'
  [ -f "$work/debian.tar" ] || mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
    bookworm "$work/debian.tar" /etc/apt/sources.list.d/debian.sources
  container=$(buildah from scratch)
  root=$(buildah mount "$container")
  tar -C "$root" -xf "$work/debian.tar"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  buildah umount "$container" >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash "$container"
  buildah commit --quiet --rm "$container" $debian >/dev/null

  container=$(buildah from --pull-never $debian)
  root=$(buildah mount "$container")
  npm=$(dirname "$(readlink -f "$(command -v npm)")")/..
  mkdir -p "$root/usr/local/lib/node_modules" "$root/usr/local/etc"
  cp -L "$(command -v node)" "$root/usr/local/bin/node"
  cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
  for command in npm npx; do
    ln -s ../lib/node_modules/npm/bin/$command-cli.js "$root/usr/local/bin/$command"
  done
  # Whatever stands between this machine and npm's registry stands between the build and it.
  printf 'registry=%s\ncafile=/etc/ssl/certs/ca-certificates.crt\n' "$(npm config get registry)" >"$root/usr/local/etc/npmrc"
  chroot "$root" useradd --uid 1000 --create-home node
  buildah umount "$container" >/dev/null
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
  buildah commit --quiet --rm "$container" "$node_image" >/dev/null
fi
if ! podman image exists "$queue_image"; then
  container=$(buildah from --pull-never $debian)
  buildah run "$container" -- sh -c 'apt-get -qq update && apt-get -qq install -y --no-install-recommends redis-server >/dev/null &&
    rm -rf /var/lib/apt/lists/* && ln -s redis-server /usr/bin/valkey-server && ln -s redis-cli /usr/bin/valkey-cli &&
    install -d -o redis /data' 2>&1 | grep -v '^debconf' || true
  buildah config --user redis --workingdir /data "$container"
  buildah commit --quiet --rm "$container" "$queue_image" >/dev/null
fi

# ---------------------------------------------------------------- build
step 'build'
for target in api worker sagemaker-emulator; do
  buildah bud --isolation chroot --layers --format docker --pull=never --target $target -t localhost/f5-narrator-$target:local . \
    >"$work/build-$target.log" 2>&1 || { tail -30 "$work/build-$target.log"; exit 1; }
  # Compose looks for the name without a registry, and finds it in docker.io's place.
  podman tag localhost/f5-narrator-$target:local docker.io/library/f5-narrator-$target:local
done
# The tests' emulator, in an image of its own: development dependencies are no part of ours.
cat >"$work/store.Dockerfile" <<CONTENT
FROM $node_image
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY test/support test/support
COPY scripts/images-emulator.ts scripts/
ENTRYPOINT ["node", "--import", "tsx", "scripts/images-emulator.ts"]
CONTENT
: >"$work/store.dockerignore"
buildah bud --isolation chroot --layers --format docker --pull=never --ignorefile "$work/store.dockerignore" -f "$work/store.Dockerfile" \
  -t "$store_image" . >"$work/build-store.log" 2>&1 || { tail -30 "$work/build-store.log"; exit 1; }
podman image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep f5-narrator

# ---------------------------------------------------------------- run
step 'run'
# Podman takes a check apart at its blanks, and health is asked for every two seconds below, whatever the interval: what is given up after 3 of 10 seconds needs more tries.
cat >"$work/override.yml" <<'OVERRIDE'
services:
  aws:
    healthcheck:
      test: [CMD, node, -e, "fetch('http://127.0.0.1:4566/').then(()=>process.exit(0),()=>process.exit(1))"]
      retries: 60
  api:
    healthcheck: { retries: 60 }
  worker:
    healthcheck: { retries: 60 }
  container:
    healthcheck: { retries: 60 }
  sagemaker:
    healthcheck: { retries: 60 }
OVERRIDE
cat >"$work/env" <<'SETTINGS'
NARRATOR_ADMIN_KEY=stand-in-key-0123456789abcdef
VALKEY_PASSWORD=standinpassword
STORE_ACCESS_KEY_ID=narrator
STORE_SECRET_ACCESS_KEY=stand-in-secret
SETTINGS
network=narrator-$$
ip netns add $network
inside=(nsenter "--net=/run/netns/$network")
"${inside[@]}" ip link set lo up
export DOCKER_HOST=unix://$work/podman.sock
dc() { "$compose" -f docker-compose.yml -f "$work/override.yml" --env-file "$work/env" "$@"; }
"${inside[@]}" podman system service --time=0 "$DOCKER_HOST" 2>"$work/service.log" &
service=$!
# Podman leaves the rhythm of health checks to systemd, which is not here.
(while sleep 2; do for id in $(podman ps -q); do podman healthcheck run "$id" >/dev/null 2>&1 || :; done; done) &
checks=$!
finish() {
  dc logs --no-color >"$work/logs.txt" 2>&1 || :
  dc --profile sagemaker down --volumes --timeout 30 >/dev/null 2>&1 || :
  kill $checks $service
  ip netns del $network
}
trap finish EXIT
sleep 2
dc config --quiet
up() { timeout 240 "$compose" -f docker-compose.yml -f "$work/override.yml" --env-file "$work/env" "$@" --detach --no-build --wait; }
up up
dc ps --all --format 'table {{.Service}}\t{{.Status}}'

step 'a narration from end to end'
api() { "${inside[@]}" curl -sS -H 'authorization: Bearer stand-in-key-0123456789abcdef' "$@"; }
field() { node -p "JSON.parse(require('fs').readFileSync(0)).$1"; }
[ "$("${inside[@]}" curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/v1/jobs)" = 401 ] || { echo 'the API asks for no key'; exit 1; }
narrate() {
  job=$(api -H 'content-type: application/json' --data '{"items": [{"id": "one", "text": "Good morning."}, {"id": "two", "text": "Good night."}], "defaults": {"seed": '"$1"'}}' \
    http://127.0.0.1:8080/v1/jobs | field id)
  for _ in $(seq 90); do
    state=$(api "http://127.0.0.1:8080/v1/jobs/$job" | field status)
    [ "$state" = completed ] && break
    sleep 2
  done
  echo "job $job: $state"
  [ "$state" = completed ]
  api -L "http://127.0.0.1:8080/v1/jobs/$job/items/one/audio" -o "$work/one.wav"
  head -c 4 "$work/one.wav" | grep -q RIFF && echo "its audio: $(stat -c %s "$work/one.wav") bytes"
}
narrate 1

step 'who runs, and the end in order'
for container in $(podman ps -q --filter label=com.docker.compose.service=worker); do
  echo "user $(podman exec "$container" id -u), process 1: $(podman exec "$container" cat /proc/1/comm)"
  podman exec "$container" sh -c 'touch /app/x 2>/dev/null' && { echo 'its root can be written to'; exit 1; }
done
dc stop --timeout 30 worker api >/dev/null 2>&1
podman ps --all --filter label=com.docker.compose.project=f5-narrator --format '{{.Names}} {{.Status}}' | grep -E 'api|worker'
step 'the same by the container for SageMaker and the emulator of its endpoint'
export NARRATOR_DISPATCH=sagemaker
up --profile sagemaker up --scale worker=0
dc --profile sagemaker ps --format 'table {{.Service}}\t{{.Status}}'
narrate 2
dc --profile sagemaker logs sagemaker container 2>/dev/null | grep -q invocation && echo "by the endpoint's container"
step 'done'
