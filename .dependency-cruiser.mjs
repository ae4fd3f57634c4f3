/**
 * Who may know whom (docs/architecture.md). Arrows: entry points -> runtime/wiring -> {adapters, engine, audio, text} -> core.
 * scripts/check-dependencies.ts runs this and fails as well when the cruiser did not see the modules.
 */
const room = (name) => `^src/${name}/`;

const mayImport = (name, allowed) => ({
  name: `${name}-imports-only-what-it-may`,
  severity: 'error',
  comment: `src/${name} may import: ${allowed.join(', ') || 'itself only'}`,
  from: { path: room(name) },
  to: { path: '^src/', pathNot: [room(name), ...allowed] },
});

/** A room beside src: an entry point of its own. */
const entryMayImport = (name, allowed) => ({
  name: `${name}-imports-only-what-it-may`,
  severity: 'error',
  comment: `${name}/ may import: ${allowed.join(', ')}`,
  from: { path: `^${name}/` },
  to: { path: '^(src|worker|container)/', pathNot: [`^${name}/`, ...allowed] },
});

const owns = (vendor, owners) => ({
  name: `${vendor.replaceAll(/[^a-z0-9]+/g, '-')}-has-one-owner`,
  severity: 'error',
  comment: `${vendor} is imported only by ${owners.join(' and ')}`,
  from: { pathNot: [...owners, '^test/', '^bench/', '^scripts/'] },
  to: { path: `node_modules/${vendor}(/|$)` },
});

export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency-in-src',
      severity: 'error',
      from: { path: '^(src|worker|container)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(worker|container|tools|deploy|test|bench|scripts)/' },
    },

    mayImport('core', []),
    mayImport('text', [room('core')]),
    mayImport('engine', [room('core')]),
    mayImport('audio', [room('core')]),
    mayImport('adapters', [room('core')]),
    mayImport('api', [room('core')]),
    mayImport('runtime', [room('core'), room('text'), room('engine'), room('audio'), room('adapters'), room('api')]),
    entryMayImport('worker', [room('core'), room('runtime')]),
    entryMayImport('container', [room('core'), room('runtime'), room('api')]),
    mayImport('cli', [room('core'), room('runtime'), '^src/index\\.ts$']),
    {
      name: 'core-is-pure',
      severity: 'error',
      comment:
        'No clock, environment, network or file system in the core: node:crypto for digests, zod and csv-parse for schemas, nothing else.',
      from: { path: room('core') },
      to: { pathNot: ['^src/core/', 'node_modules/zod/', 'node_modules/csv-parse/', '^(node:)?crypto$'] },
    },
    {
      name: 'text-is-pure',
      severity: 'error',
      from: { path: room('text') },
      to: { path: ['^(node:)?(fs|net|http|https|child_process|os)'], dependencyTypes: ['core'] },
    },

    owns('onnxruntime-node', ['^src/engine/f5/onnx-session\\.ts$']),
    owns('@bufbuild/protobuf', ['^src/engine/graph/']),
    owns('jieba-wasm', ['^src/engine/f5/']),
    owns('wavefile', ['^src/audio/decode-wav\\.ts$']),
    owns('mpg123-decoder', ['^src/audio/decode-compressed\\.ts$']),
    owns('@wasm-audio-decoders', ['^src/audio/decode-compressed\\.ts$']),
    owns('ogg-opus-decoder', ['^src/audio/decode-compressed\\.ts$']),
    owns('@alexanderolsen/libsamplerate-js', ['^src/audio/resample\\.ts$']),
    owns('express', ['^src/api/']),
    owns('helmet', ['^src/api/']),
    owns('undici', ['^src/adapters/fetch-untrusted\\.ts$', '^src/adapters/notify-webhook\\.ts$']),
    owns('ipaddr.js', ['^src/adapters/public-address\\.ts$']),
    owns('@aws-sdk/client-sns', ['^src/adapters/notify-sns\\.ts$']),
    owns('@aws-sdk/client-sqs', ['^src/adapters/notify-sqs\\.ts$', '^src/adapters/sqs-[a-z]+\\.ts$']),
    owns('prom-client', ['^src/runtime/metrics\\.ts$']),
    owns('express-rate-limit', ['^src/api/limits\\.ts$']),
    owns('rate-limit-redis', ['^src/adapters/rate-limit-redis\\.ts$']),
    owns('@bull-board', ['^src/api/queue-board\\.ts$']),
    owns('multer', ['^src/api/routes-voices\\.ts$']),
    owns('wasm-media-encoders', ['^src/audio/encode-mp3\\.ts$']),
    owns('pino', ['^src/runtime/logger\\.ts$']),
    owns('commander', ['^src/cli/']),
    owns('@aws-sdk/client-s3', ['^src/adapters/s3-[a-z]+\\.ts$', '^src/adapters/store-s3\\.ts$']),
    owns('@aws-sdk/lib-storage', ['^src/adapters/s3-write\\.ts$']),
    owns('@aws-sdk/s3-request-presigner', ['^src/adapters/store-s3\\.ts$']),
    owns('@aws-sdk/client-sagemaker-runtime', ['^src/adapters/sagemaker-client\\.ts$']),
    owns('@aws-sdk/client-cloudwatch', ['^src/adapters/cloudwatch-[a-z]+\\.ts$']),
    owns('saxes', ['^src/text/read-xml\\.ts$']),
    owns('fflate', ['^src/adapters/read-zip\\.ts$']),
    owns('parse5', ['^src/text/read-html\\.ts$']),
    owns('csv-parse', ['^src/core/manifest', '^src/text/parse-lexicon\\.ts$']),
    owns('bullmq', ['^src/adapters/(dispatch|consume)-bullmq\\.ts$']),
    owns('ioredis', ['^src/adapters/bullmq-connection\\.ts$']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
