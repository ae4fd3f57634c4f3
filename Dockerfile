# Images of f5-narrator: `api` (the server), `worker` (on the CPU), `worker-cuda` (NVIDIA GPU, amd64 only), `sagemaker` (the container of an
# endpoint, amd64 only).
#   docker build --target api -t f5-narrator-api .
# How they are run: docs/deploy-compose.md, docs/container.md. Why they look so: docs/decisions/0012-images.md.

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

# For trying things out, and no part of a deployment: what stands before the container of an endpoint.
FROM build AS build-emulator
COPY tools tools
RUN npx tsc -p tools/sagemaker-emulator

FROM runtime AS sagemaker-emulator
COPY --from=build-emulator /app/dist/tools dist/tools
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "docker/healthy.mjs", "http", "/_emulator/health"]
ENTRYPOINT ["node", "dist/tools/sagemaker-emulator/main.js", "--host", "0.0.0.0", "--port", "8080"]

# Debian's Node on Ubuntu's newer C library; the same files as above, but with the CUDA provider beside ONNX Runtime.
FROM ${CUDA_IMAGE} AS cuda-runtime
WORKDIR /app
COPY --from=runtime /usr/local/bin/node /usr/local/bin/node
COPY --from=cuda-dependencies /app/node_modules node_modules
COPY models models
COPY package.json LICENSE ./
COPY docker docker
COPY --from=build /app/dist dist
# `cuda`, not `auto`: what finds no GPU must say so instead of being fifty times slower.
ARG PROVIDER=cuda
ENV NODE_ENV=production \
    NARRATOR_PROVIDER=${PROVIDER}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.description="Bulk narration with F5-TTS: text in, WAV files out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM cuda-runtime AS worker-cuda
RUN install -d -o 1000 -g 1000 /var/lib/narrator
ENV NARRATOR_HOME=/var/lib/narrator
LABEL org.opencontainers.image.title="f5-narrator worker for NVIDIA GPUs"
USER 1000:1000
HEALTHCHECK --interval=15s --timeout=5s --start-period=300s --retries=3 \
  CMD ["node", "docker/healthy.mjs", "heartbeat", "/tmp/narrator-worker"]
ENTRYPOINT ["node", "dist/worker/main.js", "--heartbeat", "/tmp/narrator-worker"]

# docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html: started with the argument `serve`, no init before it, files are
# written below /tmp only, and it runs as root, because what SageMaker mounts below /opt/ml need not be readable by others.
# An endpoint without GPUs: --build-arg PROVIDER=cpu, or NARRATOR_PROVIDER=cpu in the model's environment.
FROM cuda-runtime AS sagemaker
ENV NARRATOR_HOME=/tmp/narrator
LABEL org.opencontainers.image.title="f5-narrator for SageMaker endpoints" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
EXPOSE 8080
USER 0:0
HEALTHCHECK --interval=15s --timeout=5s --start-period=480s --retries=3 \
  CMD ["node", "docker/healthy.mjs", "http", "/ping"]
ENTRYPOINT ["node", "dist/container/main.js"]
CMD ["serve"]
