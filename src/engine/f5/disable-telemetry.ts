/**
 * ONNX Runtime's builds for Linux and macOS can send usage events to their maker. What people have narrated is nobody
 * else's business: the runtime looks at this variable when it starts, so this module is imported before it.
 */
// eslint-disable-next-line no-restricted-properties -- not configuration of ours: it is how the runtime is told
process.env.ORT_DISABLE_TELEMETRY ??= '1';
