/**
 * WAV files: integer of 8 to 32 bits, float of 32 and 64, A-law and mu-law; plain or extensible; truncated, and streamed
 * with sizes of 0 or 0xFFFFFFFF.
 *
 * wavefile converts the samples, but never sees the file: it trusts the counts in chunks (a 60-byte file with a `cue ` chunk
 * of four billion points keeps it busy until memory ends) and stumbles over some LIST chunks. So the chunks are walked
 * here, in one pass, and wavefile gets a minimal file of format and data.
 */
import wavefile from 'wavefile';

import { assertLength, assertPlausible, undecodable } from './decode-limits.ts';
import type { DecodeLimits } from './decode-limits.ts';

/** RIFF format tags (Microsoft, mmreg.h). */
const PCM = 1;
const IEEE_FLOAT = 3;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;

const BITS_BY_TAG: ReadonlyMap<number, readonly number[]> = new Map([
  [PCM, [8, 16, 24, 32]],
  [IEEE_FLOAT, [32, 64]],
  [A_LAW, [8]],
  [MU_LAW, [8]],
]);

interface WavFormat {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRateHz: number;
  readonly bits: number;
}

interface WavChunks {
  readonly format: WavFormat;
  readonly data: Uint8Array;
  /** false when the data chunk promises more bytes than there are */
  readonly complete: boolean;
}

/** @throws NarratorError audio_undecodable */
export function decodeWav(
  bytes: Uint8Array,
  limits: DecodeLimits,
): { channels: Float32Array[]; sampleRateHz: number; complete: boolean } {
  const { format, data, complete } = findChunks(bytes);
  const { sampleRateHz } = format;
  assertPlausible(sampleRateHz, format.channels);
  const bits = BITS_BY_TAG.get(format.tag);
  if (!bits) throw undecodable(`The WAV file is compressed with format tag ${format.tag}; save it as PCM or float.`);
  if (!bits.includes(format.bits)) {
    throw undecodable(
      `The WAV file has ${format.bits} bits a sample; with format tag ${format.tag} it may have ${bits.join(', ')}.`,
    );
  }
  const frameBytes = (format.bits / 8) * format.channels;
  const frames = Math.floor(data.length / frameBytes);
  assertLength(frames, sampleRateHz, format.channels, limits);
  if (frames === 0) throw undecodable('The WAV file has no samples.');

  const wav = new wavefile.WaveFile(minimalWav(format, data.subarray(0, frames * frameBytes)));
  if (format.tag === A_LAW) wav.fromALaw();
  if (format.tag === MU_LAW) wav.fromMuLaw();
  const samples = wav.getSamples(false, Float32Array) as unknown as Float32Array | Float32Array[];
  // One channel comes as the array itself, several as an array of arrays.
  const channels = samples instanceof Float32Array ? [samples] : samples;
  for (const channel of channels) scaleToUnit(channel, wav.bitDepth);
  return { channels, sampleRateHz, complete };
}

/** Integers, which wavefile hands out as they are, to [-1, 1). */
function scaleToUnit(channel: Float32Array, bitDepth: string): void {
  if (bitDepth === '32f' || bitDepth === '64') return;
  const bits = Number(bitDepth);
  const scale = 1 / 2 ** (bits - 1);
  const offset = bits === 8 ? 128 : 0; // 8 bits alone are unsigned
  for (let i = 0; i < channel.length; i++) channel[i] = ((channel[i] as number) - offset) * scale;
}

function findChunks(bytes: Uint8Array): WavChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: WavFormat | undefined;
  let longDataBytes: number | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = String.fromCharCode(...bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 'ds64' && start + 16 <= bytes.length) longDataBytes = Number(view.getBigUint64(start + 8, true));
    if (id === 'fmt ') format = readFormat(view, start, size);
    if (id === 'data') {
      if (!format) throw undecodable('The WAV file has no format chunk before its data.');
      const rest = bytes.length - start;
      const isStreamed = (size === 0xffff_ffff && longDataBytes === undefined) || size === 0;
      const promised = isStreamed ? rest : size === 0xffff_ffff ? (longDataBytes as number) : size;
      return { format, data: bytes.subarray(start, start + Math.min(promised, rest)), complete: promised <= rest };
    }
    at = start + size + (size % 2);
  }
  throw undecodable(`The WAV file has no ${format ? 'data' : 'format'} chunk.`);
}

function readFormat(view: DataView, start: number, size: number): WavFormat {
  if (size < 16 || start + 16 > view.byteLength) throw undecodable('The format chunk of the WAV file is cut short.');
  const tag = view.getUint16(start, true);
  const channels = view.getUint16(start + 2, true);
  const blockBytes = view.getUint16(start + 12, true);
  const hasSubformat = tag === EXTENSIBLE && size >= 40 && start + 26 <= view.byteLength;
  return {
    // the first two bytes of an extensible format's GUID are the plain tag
    tag: hasSubformat ? view.getUint16(start + 24, true) : tag,
    channels,
    sampleRateHz: view.getUint32(start + 4, true),
    // 12 or 20 bits lie left-justified in 16 or 24: what counts is the size of the container
    bits: channels > 0 ? (blockBytes / channels) * 8 : view.getUint16(start + 14, true),
  };
}

/** Format and data, all sizes true. */
function minimalWav(format: WavFormat, data: Uint8Array): Uint8Array {
  const frameBytes = (format.bits / 8) * format.channels;
  const file = Buffer.alloc(44 + data.length + (data.length % 2));
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(format.tag, 20);
  file.writeUInt16LE(format.channels, 22);
  file.writeUInt32LE(format.sampleRateHz, 24);
  file.writeUInt32LE(format.sampleRateHz * frameBytes, 28);
  file.writeUInt16LE(frameBytes, 32);
  file.writeUInt16LE(format.bits, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(data.length, 40);
  file.set(data, 44);
  return file;
}
