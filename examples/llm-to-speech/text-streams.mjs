/** What a language model writes, as it comes: an async iterable of text (or of UTF-8 bytes) from each kind of stream. */

/** A line of an event is no longer; a stream without line breaks is none of events. */
const LINE_CHARACTERS_MAX = 1024 * 1024;

/**
 * Asks a model of Amazon Bedrock. Region and credentials are found as the AWS SDK finds them.
 * @param {{ modelId: string, prompt: string, system?: string, signal: AbortSignal }} request
 * @returns {AsyncGenerator<string>}
 */
export async function* bedrockText({ modelId, prompt, system, signal }) {
  const { BedrockRuntimeClient, ConverseStreamCommand } = await import('@aws-sdk/client-bedrock-runtime');
  const client = new BedrockRuntimeClient({});
  try {
    const command = new ConverseStreamCommand({
      modelId,
      messages: [{ role: 'user', content: [{ text: prompt }] }],
      ...(system !== undefined && { system: [{ text: system }] }),
    });
    const { stream } = await client.send(command, { abortSignal: signal });
    yield* converseText(stream ?? []);
  } finally {
    client.destroy();
  }
}

/**
 * The text of a ConverseStream: what the model says, not what it thinks (`reasoningContent`) or wants to call (`toolUse`).
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
 * @param {AsyncIterable<object> | Iterable<object>} events `stream` of the SDK's answer
 * @returns {AsyncGenerator<string>}
 * @throws {Error} if the model's service reports one, or cuts its answer off
 */
export async function* converseText(events) {
  for await (const event of events) {
    const text = event.contentBlockDelta?.delta?.text;
    if (text !== undefined) yield text;
    // blocks are paragraphs of their own
    else if (event.contentBlockStop !== undefined) yield '\n\n';
    else {
      const [name, details] = Object.entries(event)[0] ?? [];
      if (name?.endsWith('Exception')) throw new Error(`${name}: ${details.message ?? 'no message'}`);
    }
  }
}

/**
 * The text of a stream of chat completions as OpenAI, and many others, send it: server-sent events whose data are JSON.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 * @param {AsyncIterable<Uint8Array>} bytes
 * @returns {AsyncGenerator<string>}
 * @throws {Error} for data that are no JSON, and for an `error` of the server
 */
export async function* chatCompletionText(bytes) {
  for await (const line of lines(bytes)) {
    if (!line.startsWith('data:')) {
      // what the server answers with in place of a stream
      if (line.startsWith('{')) throw new Error(`The server's answer is no stream of events: ${line.slice(0, 300)}`);
      continue;
    }
    const data = line.slice('data:'.length).trim();
    if (data === '[DONE]') return;
    const { choices, error } = parsed(data);
    if (error) throw new Error(`The model's server says: ${error.message ?? JSON.stringify(error)}`);
    const text = choices?.[0]?.delta?.content;
    if (text) yield text;
  }
}

/** @param {string} data */
function parsed(data) {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new Error(`An event of the model's server is no JSON: ${data.slice(0, 100)}`, { cause });
  }
}

/** @param {AsyncIterable<Uint8Array>} bytes */
async function* lines(bytes) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = parts.pop() ?? '';
    if (rest.length > LINE_CHARACTERS_MAX) throw new Error('The stream has no line breaks: it is none of events.');
    yield* parts;
  }
  if (rest !== '') yield rest;
}
