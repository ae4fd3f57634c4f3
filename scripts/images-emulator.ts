/**
 * The tests' emulator of S3, SQS and SNS as a server of its own, for scripts/images-in-podman.sh: on every address of its container, and with
 * the one request that it lacks, a bucket's notifications.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { startS3Emulator } from '../test/support/s3-emulator.ts';

const PORT = 4566;
const emulator = await startS3Emulator();
const { port } = new URL(emulator.endpoint);

const QUEUES = `http://sqs.us-east-1.localhost:${port}/`;

function sqsHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = ['x-amz-target', 'content-type', 'authorization', 'x-amz-date'];
  return Object.fromEntries(kept.map((name) => [name, String(headers[name])]));
}

async function answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(asked.url ?? '/', emulator.endpoint);
  if (asked.method === 'PUT' && searchParams.has('notification')) {
    const [, queue] = /<Queue>arn:aws:sqs:[^<]*:([^<:]+)<\/Queue>/.exec(await text(asked)) ?? [];
    emulator.notify(pathname.slice(1), queue ?? '');
    response.end();
    return;
  }
  const { method, url, headers } = asked;
  if (String(headers['x-amz-target']).startsWith('AmazonSQS.')) {
    // It knows its queues by their whole addresses, and by which name it is reached it cannot know.
    const body = (await text(asked)).replaceAll(`http://${headers.host}/`, QUEUES);
    const answered = await fetch(`${emulator.endpoint}${url}`, { method: 'POST', headers: sqsHeaders(headers), body });
    response.writeHead(answered.status, { 'content-type': 'application/x-amz-json-1.0' }).end(await answered.text());
    return;
  }
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
