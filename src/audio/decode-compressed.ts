/**
 * MP3, FLAC, Ogg Vorbis and Ogg Opus by their WebAssembly decoders. A decoder is loaded when first needed, fed in small pieces
 * so that the limits hold while it unpacks, and freed at the end.
 */
import { assertLength, assertPlausible, undecodable } from './decode-limits.ts';
import type { DecodeLimits } from './decode-limits.ts';
import type { AudioFormat, SniffedAudio } from './sniff-audio.ts';

type CompressedFormat = Exclude<AudioFormat, 'wav'>;

interface Piece {
  readonly channelData: Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: readonly unknown[];
}

/** What the four packages have in common. Some declare `decode` as synchronous though it returns a promise: always await. */
interface WasmDecoder {
  readonly ready: Promise<void>;
  decode(bytes: Uint8Array): Piece | Promise<Piece>;
  /** absent in the MP3 decoder, which holds nothing back */
  flush?(): Piece | Promise<Piece>;
  free(): void;
}

const OPEN: Record<CompressedFormat, () => Promise<WasmDecoder>> = {
  mp3: async () => new (await import('mpg123-decoder')).MPEGDecoder(),
  flac: async () => new (await import('@wasm-audio-decoders/flac')).FLACDecoder(),
  'ogg-vorbis': async () => new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder(),
  'ogg-opus': async () => new (await import('ogg-opus-decoder')).OggOpusDecoder(),
};

/**
 * How far the limits can be overrun before they are looked at. The worst case is FLAC, where 14 bytes can stand for 65,535
 * samples of silence a channel (RFC 9639, section 9.2.3): a piece of 2 KiB unpacks to at most 37 MB a channel.
 */
const PIECE_BYTES = 2048;

/** A stream with more broken frames than this is not worth decoding on; two of the decoders also print each to stderr. */
const MAX_BROKEN_FRAMES = 20;

/** @throws NarratorError audio_undecodable */
export async function decodeCompressed(
  bytes: Uint8Array,
  header: SniffedAudio & { readonly format: CompressedFormat },
  limits: DecodeLimits,
): Promise<{ channels: Float32Array[]; sampleRateHz: number; complete: boolean }> {
  const decoder = await OPEN[header.format]();
  await decoder.ready;
  try {
    const pieces: Piece[] = [];
    let samples = 0;
    let brokenFrames = 0;
    const take = (piece: Piece | undefined): void => {
      if (!piece) return;
      brokenFrames += piece.errors.length;
      if (brokenFrames > MAX_BROKEN_FRAMES) throw undecodable(`The ${header.format} stream is damaged throughout.`);
      if (piece.samplesDecoded <= 0) return;
      const first = pieces[0] ?? piece;
      if (piece.sampleRate !== first.sampleRate || piece.channelData.length !== first.channelData.length) {
        throw undecodable('The sample rate or the number of channels changes in the middle of the audio.');
      }
      assertPlausible(piece.sampleRate, piece.channelData.length);
      samples += piece.samplesDecoded;
      assertLength(samples, piece.sampleRate, piece.channelData.length, limits);
      pieces.push(piece);
    };

    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      take(await guard(header.format, () => decoder.decode(bytes.subarray(at, at + PIECE_BYTES))));
    }
    take(await guard(header.format, () => decoder.flush?.()));

    const first = pieces[0];
    if (!first) throw undecodable(`The ${header.format} stream has no audio that can be decoded.`);
    // The Opus decoder leaves the encoder's padding at the end, so what an Ogg stream promises is also the most it has.
    const promised = header.totalSamples ?? samples;
    const length = Math.min(samples, promised);
    // The MP3 decoder doubles a single channel.
    const channelCount = header.format === 'mp3' ? (header.channels ?? 2) : first.channelData.length;
    return {
      channels: Array.from({ length: channelCount }, (_, channel) => concatenate(pieces, channel).subarray(0, length)),
      sampleRateHz: first.sampleRate,
      complete: brokenFrames === 0 && samples >= promised,
    };
  } finally {
    // Some streams make a decoder overwrite its own (sandboxed) memory, which shows here first.
    await guard(header.format, () => decoder.free());
  }
}

/** Whatever a decoder throws over these bytes (WebAssembly traps, type errors, plain errors) says that they are bad. */
async function guard<T>(format: string, decode: () => T | Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    throw undecodable(`The ${format} stream is damaged: its decoder gave up.`, error);
  }
}

function concatenate(pieces: readonly Piece[], channel: number): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, piece) => sum + piece.samplesDecoded, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece.channelData[channel] as Float32Array, at);
    at += piece.samplesDecoded;
  }
  return all;
}
