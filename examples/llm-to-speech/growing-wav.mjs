/** One WAV file that grows: whole and playable after every sentence, or a stream without an end for a player. */
import { once } from 'node:events';
import { open } from 'node:fs/promises';

const HEADER_BYTES = 44;
/** what a stream says of its length, which it does not know; players read to the end then */
const UNKNOWN = 0xffffffff;

/** @typedef {{ sampleRateHz: number, samples: Uint8Array }} Sound 16-bit mono PCM, little-endian */

/**
 * @param {Uint8Array} wav 16-bit mono PCM, as f5-narrator answers
 * @returns {Sound}
 * @throws {Error} if it is anything else
 */
export function soundOf(wav) {
  const bytes = Buffer.from(wav.buffer, wav.byteOffset, wav.byteLength);
  const isWav = bytes.length >= HEADER_BYTES && bytes.toString('latin1', 0, 4) === 'RIFF';
  if (!isWav) throw new Error('The answer is no WAV file.');
  let sampleRateHz;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (id === 'fmt ') {
      const [format, channels, bits] = [
        bytes.readUInt16LE(at + 8),
        bytes.readUInt16LE(at + 10),
        bytes.readUInt16LE(at + 22),
      ];
      if (format !== 1 || channels !== 1 || bits !== 16) throw new Error('The answer is no 16-bit mono WAV file.');
      sampleRateHz = bytes.readUInt32LE(at + 12);
    }
    if (id === 'data' && sampleRateHz !== undefined)
      return { sampleRateHz, samples: bytes.subarray(at + 8, at + 8 + size) };
    at += 8 + size + (size % 2);
  }
  throw new Error('The answer is a WAV file without samples.');
}

/** @param {number} dataBytes */
function wavHeader(dataBytes, sampleRateHz) {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(Math.min(UNKNOWN, dataBytes + HEADER_BYTES - 8), 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(2 * sampleRateHz, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(Math.min(UNKNOWN, dataBytes), 40);
  return header;
}

/** Silence of that length. */
function silence(ms, sampleRateHz) {
  return Buffer.alloc(2 * Math.round((ms * sampleRateHz) / 1000));
}

/** Takes sounds of one sample rate, each with the silence that follows it (which comes with the next one: none at the end). */
class GrowingWav {
  sampleRateHz;
  #pauseMs = 0;

  /**
   * Resolves when it is written: who waits for that produces no faster than it is taken.
   * @param {Sound} sound
   * @param {number} pauseAfterMs
   */
  async add({ sampleRateHz, samples }, pauseAfterMs) {
    this.sampleRateHz ??= sampleRateHz;
    if (sampleRateHz !== this.sampleRateHz) {
      throw new Error(`It has ${sampleRateHz} samples a second, what came before ${this.sampleRateHz}.`);
    }
    const pause = silence(this.#pauseMs, sampleRateHz);
    this.#pauseMs = pauseAfterMs;
    await this.append(Buffer.concat([pause, samples]));
  }
}

class WavFile extends GrowingWav {
  #file;
  #dataBytes = 0;

  constructor(file) {
    super();
    this.#file = file;
  }

  async append(samples) {
    await this.#file.write(samples, 0, samples.length, HEADER_BYTES + this.#dataBytes);
    this.#dataBytes += samples.length;
    await this.#file.write(wavHeader(this.#dataBytes, this.sampleRateHz), 0, HEADER_BYTES, 0);
  }

  close() {
    return this.#file.close();
  }
}

class WavPipe extends GrowingWav {
  #stream;
  #hasHeader = false;

  constructor(stream) {
    super();
    this.#stream = stream;
  }

  async append(samples) {
    const bytes = this.#hasHeader ? samples : Buffer.concat([wavHeader(UNKNOWN, this.sampleRateHz), samples]);
    this.#hasHeader = true;
    if (!this.#stream.write(bytes)) await once(this.#stream, 'drain');
  }

  async close() {}
}

/** @param {string} path '-' is standard output */
export async function openWav(path) {
  return path === '-' ? new WavPipe(process.stdout) : new WavFile(await open(path, 'w'));
}
