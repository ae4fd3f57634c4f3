/**
 * Answers like CloudFormation, ECR, SageMaker and S3, as far as the commands talk to them: over HTTP, in AWS's own formats, to the real
 * clients. What it does not know is refused with 501, and so seen.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CloudFormationStandIn } from './cloudformation-stand-in.ts';
import { S3StandIn } from './s3-stand-in.ts';

export type Json = Readonly<Record<string, unknown>>;
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export const json = (body: Json, status = 200): Answer => ({ status, body: JSON.stringify(body) });
export const jsonError = (type: string, message: string) => json({ __type: type, message }, 400);

export class AwsStandIn {
  readonly cloudFormation = new CloudFormationStandIn();
  readonly s3 = new S3StandIn();
  /** by what follows the dot of X-Amz-Target; a test says what it wants answered */
  readonly operations: Record<string, (request: Json) => Answer> = {};
  readonly #server = createServer((request, response) => {
    void this.#answer(request).then(({ status, body }) => response.writeHead(status).end(body));
  });

  /** From now on the AWS SDK of this process talks to the stand-in. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const body = await text(request);
    const target = request.headers['x-amz-target'];
    if (typeof target === 'string') {
      const operation = target.split('.')[1] ?? '';
      const known = this.operations[operation];
      return known?.(JSON.parse(body) as Json) ?? { status: 501, body: operation };
    }
    if (request.headers['content-type'] === 'application/x-www-form-urlencoded') {
      return this.cloudFormation.answer(new URLSearchParams(body));
    }
    return this.s3.answer(request, body);
  }
}
