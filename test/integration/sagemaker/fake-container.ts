/** A container that answers as each request asks it to, in the protocol of SageMaker. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

export interface Script {
  /** default 200 */
  readonly answer?: number | 'hang' | 'crash' | 'chunked' | 'big-headers' | 'break-off';
  readonly afterMs?: number;
  /** bytes of the answer's body, in place of what it heard */
  readonly bytes?: number;
}

/** What a container that answers 200 says. */
export interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly script: Script & Readonly<Record<string, unknown>>;
  readonly pid: number;
}

export interface FakeContainer {
  readonly server: Server;
  /** bodies that it was asked to invoke, in their order */
  readonly heard: Heard[];
  /** the most that it had at once */
  mostAtOnce: number;
  /** what /ping answers */
  ping: number;
}

export function createFakeContainer(): FakeContainer {
  let atOnce = 0;
  const invoke = async (request: IncomingMessage, response: ServerResponse) => {
    atOnce += 1;
    container.mostAtOnce = Math.max(container.mostAtOnce, atOnce);
    response.on('close', () => (atOnce -= 1));
    const script = (await json(request)) as Heard['script'];
    const heard = { headers: request.headers, script, pid: process.pid };
    container.heard.push(heard);
    const { answer = 200, afterMs = 0, bytes } = script;
    await delay(afterMs);
    if (answer === 'hang') return;
    if (answer === 'crash') process.exit(1);
    if (answer === 'break-off') {
      response.destroy();
      return;
    }
    response.setHeader('content-type', 'application/json');
    if (answer === 'big-headers') response.setHeader('x-large', 'x'.repeat(5_000));
    if (answer === 'chunked') response.write(' ');
    if (typeof answer === 'number') response.statusCode = answer;
    response.end(bytes === undefined ? JSON.stringify(heard) : Buffer.alloc(bytes, 'x'));
  };
  const server = createServer((request, response) => {
    if (request.url === '/ping') response.writeHead(container.ping).end();
    else void invoke(request, response);
  });
  const container: FakeContainer = { server, heard: [], mostAtOnce: 0, ping: 200 };
  return container;
}
