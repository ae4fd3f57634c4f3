/** Speaks what a language model says while it still writes. `node main.mjs --help` */
import { parseArgs } from 'node:util';
import { sentencesOf } from 'f5-narrator';
import { openWav, soundOf } from './growing-wav.mjs';
import { speakInOrder } from './speak-in-order.mjs';
import { narratorSpeech, sageMakerSpeech } from './speech.mjs';
import { bedrockText, chatCompletionText } from './text-streams.mjs';

const HELP = `usage: node main.mjs [--from stdin|sse|bedrock] [options]

where the text comes from
  --from stdin      text (or Markdown) on standard input, as it comes: the default
  --from sse        standard input is a stream of chat completions, as OpenAI's API sends it
  --from bedrock    ask a model of Amazon Bedrock:
    --model ID        BEDROCK_MODEL_ID if absent
    --prompt TEXT     what it is asked
    --system TEXT     what it is told beforehand
  --plain           the text is no Markdown

where it is spoken
  NARRATOR_URL      server of f5-narrator; http://127.0.0.1:8080 if absent
  NARRATOR_API_KEY  its key, if it asks for one
  --endpoint NAME   a real-time endpoint of SageMaker in place of it
  --voice NAME      --speed 0.5..2

where the speech goes
  --out FILE        a WAV file that grows (speech.wav); - is standard output, for a player:
                      … | node main.mjs --out - | ffplay -loglevel error -nodisp -autoexit -
`;

const INTERRUPTED = 130;

function readFlags() {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: 'stdin' },
      model: { type: 'string', default: process.env.BEDROCK_MODEL_ID },
      prompt: { type: 'string' },
      system: { type: 'string' },
      plain: { type: 'boolean', default: false },
      endpoint: { type: 'string' },
      voice: { type: 'string' },
      speed: { type: 'string' },
      out: { type: 'string', default: 'speech.wav' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.from === 'bedrock' && (values.model === undefined || values.prompt === undefined)) {
    throw new Error('--from bedrock needs --model (or BEDROCK_MODEL_ID) and --prompt.');
  }
  return { ...values, speed: values.speed === undefined ? undefined : Number(values.speed) };
}

function textOf({ from, model, prompt, system }, signal) {
  if (from === 'bedrock') return bedrockText({ modelId: model, prompt, system, signal });
  if (from === 'sse') return chatCompletionText(process.stdin);
  if (from === 'stdin') return process.stdin;
  throw new Error(`--from is "${from}"; it must be stdin, sse or bedrock.`);
}

async function speechOf({ endpoint, voice, speed }) {
  if (endpoint !== undefined) return sageMakerSpeech({ endpoint, voice, speed });
  const url = (process.env.NARRATOR_URL ?? 'http://127.0.0.1:8080').replace(/\/+$/, '');
  return narratorSpeech({ url, apiKey: process.env.NARRATOR_API_KEY, voice, speed });
}

/** @returns {Promise<number>} how many sentences were not spoken */
async function speakAll(flags, signal) {
  const sentences = sentencesOf(textOf(flags, signal), { markup: flags.plain ? 'none' : 'markdown' });
  const speak = await speechOf(flags);
  const wav = await openWav(flags.out);
  let number = 0;
  let failed = 0;
  try {
    const speakSound = async (text) => soundOf(await speak(text, signal));
    for await (const { sentence, sound, error } of speakInOrder(sentences, speakSound)) {
      number += 1;
      if (error === undefined) {
        await wav.add(sound, sentence.pauseAfterMs);
        console.error(sentence.text);
      } else {
        failed += 1;
        console.error(`Sentence ${number} is not spoken (${error.message}): ${sentence.text}`);
      }
    }
  } finally {
    await wav.close();
  }
  return failed;
}

const stop = new AbortController();
// At once: requests are given up, and the file is whole after every sentence.
process.once('SIGINT', () => {
  stop.abort();
  process.exit(INTERRUPTED);
});
// The player was closed.
process.stdout.on('error', () => process.exit(0));

try {
  const flags = readFlags();
  if (flags.help) process.stdout.write(HELP);
  else process.exitCode = (await speakAll(flags, stop.signal)) === 0 ? 0 : 1;
} catch (error) {
  console.error(error.message);
  // Standard input may still be open.
  process.exit(1);
}
