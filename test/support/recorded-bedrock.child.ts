/** As much of @aws-sdk/client-bedrock-runtime as asks for a ConverseStream: its events come, a line each, from AWS_ENDPOINT_URL. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

export class ConverseStreamCommand {
  readonly input: { readonly modelId: string };

  constructor(input: { readonly modelId: string }) {
    this.input = input;
  }
}

export class BedrockRuntimeClient {
  async send({ input }: ConverseStreamCommand, { abortSignal }: { abortSignal: AbortSignal }) {
    const { modelId, ...body } = input;
    const address = `${process.env['AWS_ENDPOINT_URL']}/model/${encodeURIComponent(modelId)}/converse-stream`;
    const response = await fetch(address, { method: 'POST', body: JSON.stringify(body), signal: abortSignal });
    return { stream: events(Readable.fromWeb(response.body as ReadableStream)) };
  }

  destroy(): void {}
}

async function* events(input: Readable): AsyncGenerator<unknown> {
  for await (const line of createInterface({ input })) yield JSON.parse(line);
}
