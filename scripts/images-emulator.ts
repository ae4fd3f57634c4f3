/**
 * The tests' emulator of S3, SQS and SNS as a server of its own, for scripts/images-in-podman.sh: on every address of its container, and with
 * the one request that it lacks, a bucket's notifications.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { startS3Emulator } from '../test/support/s3-emulator.ts';

const PORT = 4566;
const emulator = await startS3Emulator();
const { port } = new URL(emulator.endpoint);

async function answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(asked.url ?? '/', emulator.endpoint);
  if (asked.method === 'PUT' && searchParams.has('notification')) {
    const [, queue] = /<Queue>arn:aws:sqs:[^<]*:([^<:]+)<\/Queue>/.exec(await text(asked)) ?? [];
    emulator.notify(pathname.slice(1), queue ?? '');
    response.end();
    return;
  }
  const { method, url, headers } = asked;
  const passedOn = request({ host: '127.0.0.1', port, method, path: url, headers }, (received) => {
    response.writeHead(received.statusCode ?? 502, received.headers);
    received.pipe(response);
  });
  passedOn.on('error', () => response.destroy());
  asked.pipe(passedOn);
}

const server = createServer((asked, response) => {
  answer(asked, response).catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(PORT, '0.0.0.0');
process.on('SIGTERM', () => process.exit());
