/** A receiver of webhooks as a customer has one: it checks each signature with a library that is not ours, and remembers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly jobId: string };
}

export class WebhookReceiver {
  readonly #server: Server;
  readonly #verifier: Webhook;
  /** of every request, in the order in which they came; what was answered with an error included */
  readonly events: ReceivedEvent[] = [];
  /** requests whose signature or form was wrong */
  readonly refused: string[] = [];
  #answer: (event: ReceivedEvent) => number = () => 204;

  private constructor(secret: string) {
    this.#verifier = new Webhook(secret);
    this.#server = createServer((request, response) => void this.#receive(request, response));
  }

  static async start(secret: string): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(secret);
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events`;
  }

  /** From now on this status is the answer to an event. */
  answerWith(status: (event: ReceivedEvent) => number): void {
    this.#answer = status;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    try {
      const headers = request.headers as Record<string, string>;
      const event = this.#verifier.verify(body, headers) as ReceivedEvent;
      if (headers['webhook-id'] !== event.id) throw new Error(`${headers['webhook-id']} is not ${event.id}`);
      this.events.push(event);
      response.writeHead(this.#answer(event)).end();
    } catch (error) {
      this.refused.push(String(error));
      response.writeHead(400).end();
    }
  }
}
