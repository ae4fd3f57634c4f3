# Images of f5-narrator: `api` (the server), `worker` (on the CPU), `worker-cuda` (NVIDIA GPU, amd64 only).
#   docker build --target api -t f5-narrator-api .
# How they are run: docs/deploy-compose.md. Why they look so: docs/decisions/0012-images.md.

# Tags get their security fixes; who must repeat a build to the byte passes a digest: --build-arg NODE_IMAGE=node@sha256:…
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
# ONNX Runtime's CUDA provider wants CUDA 12 and cuDNN 9: onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
ARG CUDA_IMAGE=docker.io/nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04

# ---------------------------------------------------------------- what is compiled
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/copy-docs-assets.mjs scripts/
COPY src src
COPY worker worker
COPY container container
RUN npm run build

# ---------------------------------------------------------------- what is installed
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# ONNX Runtime brings its library for five platforms, 280 MB of it: this image's own stays.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --no-audit --no-fund \
  && find node_modules/onnxruntime-node/bin -type f \
    -not -path "*/$(node --print 'process.platform + "/" + process.arch')/*" -delete

FROM dependencies AS cuda-dependencies
COPY scripts/setup.mjs scripts/install-cuda.mjs scripts/
# Fetches from nuget.org the provider's files of the very version that package-lock.json names.
RUN node scripts/install-cuda.mjs

# ---------------------------------------------------------------- what runs
FROM ${NODE_IMAGE} AS runtime
# A number, so that an orchestrator can see that it is not root; `node` in this image.
RUN install -d -o 1000 -g 1000 /var/lib/narrator
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY models models
COPY package.json LICENSE ./
COPY docker docker
COPY --from=build /app/dist dist
ENV NODE_ENV=production \
    NARRATOR_HOME=/var/lib/narrator
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="f5-narrator" \
      org.opencontainers.image.description="Bulk narration with F5-TTS: text in, WAV files out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 1000:1000

FROM runtime AS api
# Outside of its own network namespace nobody would reach it on loopback. It then asks for a key: NARRATOR_ADMIN_KEY.
ENV NARRATOR_HOST=0.0.0.0 \
    NARRATOR_PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "docker/healthy.mjs", "http", "/healthz"]
# Node is process 1 and handles SIGTERM itself: no shell in between.
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["serve"]

FROM runtime AS worker
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
  CMD ["node", "docker/healthy.mjs", "heartbeat", "/tmp/narrator-worker"]
ENTRYPOINT ["node", "dist/worker/main.js", "--heartbeat", "/tmp/narrator-worker"]

# Debian's Node on Ubuntu's newer C library; the same files as above, but with the CUDA provider beside ONNX Runtime.
FROM ${CUDA_IMAGE} AS worker-cuda
RUN install -d -o 1000 -g 1000 /var/lib/narrator
WORKDIR /app
COPY --from=runtime /usr/local/bin/node /usr/local/bin/node
COPY --from=cuda-dependencies /app/node_modules node_modules
COPY models models
COPY package.json LICENSE ./
COPY docker docker
COPY --from=build /app/dist dist
# `cuda`, not `auto`: a worker that finds no GPU must say so instead of being fifty times slower.
ENV NODE_ENV=production \
    NARRATOR_HOME=/var/lib/narrator \
    NARRATOR_PROVIDER=cuda
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="f5-narrator worker for NVIDIA GPUs" \
      org.opencontainers.image.description="Bulk narration with F5-TTS: text in, WAV files out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 1000:1000
HEALTHCHECK --interval=15s --timeout=5s --start-period=300s --retries=3 \
  CMD ["node", "docker/healthy.mjs", "heartbeat", "/tmp/narrator-worker"]
ENTRYPOINT ["node", "dist/worker/main.js", "--heartbeat", "/tmp/narrator-worker"]
