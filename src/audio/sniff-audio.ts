/** What a file is, from its first bytes: names and MIME types lie. Reads headers only, allocates nothing of their size. */

export type AudioFormat = 'wav' | 'mp3' | 'flac' | 'ogg-vorbis' | 'ogg-opus';

export interface SniffedAudio {
  readonly format: AudioFormat;
  /** the container of a FLAC stream may be Ogg */
  readonly sampleRateHz?: number;
  readonly channels?: number;
  /** samples a channel, when the header promises a number */
  readonly totalSamples?: number;
}

/** @returns undefined when the bytes are none of the formats that can be decoded */
export function sniffAudio(bytes: Uint8Array): SniffedAudio | undefined {
  // RIFX (big-endian) is not among them: no recorder in use writes it.
  if ((ascii(bytes, 0, 4) === 'RIFF' || ascii(bytes, 0, 4) === 'RF64') && ascii(bytes, 8, 4) === 'WAVE') {
    return { format: 'wav' };
  }
  const start = endOfId3(bytes);
  if (ascii(bytes, start, 4) === 'fLaC') return flacStreamInfo(bytes, start + 4);
  if (ascii(bytes, start, 4) === 'OggS') return sniffOgg(bytes, start);
  return sniffMp3(bytes, start);
}

/** In words, for the error about a file that is none of them. */
export function describeUnknown(bytes: Uint8Array): string {
  const known: readonly [offset: number, magic: string, name: string][] = [
    [0, 'RIFX', 'a big-endian WAV file'],
    [4, 'ftyp', 'an MP4 or M4A file'],
    [0, 'FORM', 'an AIFF file'],
    [0, '\x1aE\xdf\xa3', 'a Matroska or WebM file'],
    [0, 'PK\x03\x04', 'a ZIP archive'],
    [0, 'OggS', 'an Ogg file with neither Vorbis, Opus nor FLAC in its first stream'],
    [0, '0&\xb2u', 'a WMA file'],
    [0, '#!AMR', 'an AMR file'],
  ];
  const match = known.find(([offset, magic]) => ascii(bytes, offset, magic.length) === magic);
  if (match) return match[2];
  return `${bytes.length} bytes that begin with ${Buffer.from(bytes.subarray(0, 8)).toString('hex')}`;
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Tags stand before MP3, and by mistake before FLAC. Their size is four times seven bits (https://id3.org/id3v2.4.0-structure). */
function endOfId3(bytes: Uint8Array): number {
  if (ascii(bytes, 0, 3) !== 'ID3' || bytes.length < 10) return 0;
  const size = bytes.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  const footer = ((bytes[5] as number) & 0x10) !== 0 ? 10 : 0;
  return 10 + size + footer;
}

/** RFC 9639, section 8.2: rate in 20 bits, channels in 3, bit depth in 5, samples in 36. `offset` is that of the metadata block. */
function flacStreamInfo(bytes: Uint8Array, offset: number): SniffedAudio | undefined {
  const at = offset + 4 + 10;
  if (bytes.length < at + 8 || ((bytes[offset] as number) & 0x7f) !== 0) return undefined;
  const high = view(bytes).getUint32(at);
  const totalSamples = (high & 0xf) * 2 ** 32 + view(bytes).getUint32(at + 4);
  return {
    format: 'flac',
    sampleRateHz: high >>> 12,
    channels: ((high >>> 9) & 7) + 1,
    // 0 says: not known
    ...(totalSamples > 0 && { totalSamples }),
  };
}

/** The first packet of the first page names the codec (RFC 3533; Vorbis I section 4.2.2; RFC 7845 section 5.1). */
function sniffOgg(bytes: Uint8Array, start: number): SniffedAudio | undefined {
  const packet = start + 27 + (bytes[start + 26] ?? 0);
  if (bytes.length < packet + 16) return undefined;
  if (ascii(bytes, packet, 7) === '\x01vorbis') {
    return {
      format: 'ogg-vorbis',
      channels: bytes[packet + 11] as number,
      sampleRateHz: view(bytes).getUint32(packet + 12, true),
      ...oggLength(bytes, start, 0),
    };
  }
  // Opus always decodes at 48 kHz; the rate in its header only says what the encoder was fed.
  if (ascii(bytes, packet, 8) === 'OpusHead') {
    const preSkip = view(bytes).getUint16(packet + 10, true);
    const channels = bytes[packet + 9] as number;
    return { format: 'ogg-opus', channels, sampleRateHz: 48_000, ...oggLength(bytes, start, preSkip) };
  }
  if (ascii(bytes, packet, 5) === '\x7fFLAC' && ascii(bytes, packet + 9, 4) === 'fLaC') {
    return flacStreamInfo(bytes, packet + 13);
  }
  return undefined;
}

/**
 * The last page counts the samples up to its end, with those that a decoder must skip at the start (RFC 3533, section 6;
 * RFC 7845, section 4). Only if it belongs to the first stream: streams may be chained.
 */
function oggLength(bytes: Uint8Array, firstPage: number, preSkip: number): { totalSamples: number } | undefined {
  const lastPage = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf('OggS');
  if (lastPage <= firstPage || lastPage + 27 > bytes.length) return undefined;
  const position = Number(view(bytes).getBigInt64(lastPage + 6, true));
  const isSameStream = view(bytes).getUint32(lastPage + 14) === view(bytes).getUint32(firstPage + 14);
  return isSameStream && position > preSkip ? { totalSamples: position - preSkip } : undefined;
}

/** Bytes of junk that may stand before the first frame. */
const MP3_SEARCH_BYTES = 4096;

/** Eleven bits of sync are weak evidence: a file is MP3 when a second frame of the same kind follows where the first one ends. */
function sniffMp3(bytes: Uint8Array, start: number): SniffedAudio | undefined {
  for (let at = start; at < Math.min(start + MP3_SEARCH_BYTES, bytes.length - 4); at++) {
    const frame = mp3Frame(bytes, at);
    if (!frame) continue;
    const next = mp3Frame(bytes, at + frame.length);
    if (next?.sampleRateHz === frame.sampleRateHz) {
      return { format: 'mp3', sampleRateHz: frame.sampleRateHz, channels: frame.channels };
    }
  }
  return undefined;
}

/** Kilobits a second of Layer III by index: MPEG-1, then MPEG-2 and 2.5 (ISO/IEC 11172-3 and 13818-3, section 2.4.2.3). */
const MP3_KILOBITS = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;
const MP3_RATES_HZ = [44_100, 48_000, 32_000] as const;

function mp3Frame(
  bytes: Uint8Array,
  at: number,
): { length: number; sampleRateHz: number; channels: number } | undefined {
  if (at + 4 > bytes.length) return undefined;
  const header = view(bytes).getUint32(at);
  const version = (header >>> 19) & 3; // 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5
  const isLayer3 = ((header >>> 17) & 3) === 1;
  if (header >>> 21 !== 0x7ff || version === 1 || !isLayer3) return undefined;
  const kilobits = MP3_KILOBITS[version === 3 ? 0 : 1][(header >>> 12) & 15];
  const baseRateHz = MP3_RATES_HZ[(header >>> 10) & 3];
  if (!kilobits || baseRateHz === undefined) return undefined;
  const sampleRateHz = baseRateHz / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const bytesOfFrame = Math.floor(((version === 3 ? 144_000 : 72_000) * kilobits) / sampleRateHz);
  const padding = (header >>> 9) & 1;
  return { length: bytesOfFrame + padding, sampleRateHz, channels: ((header >>> 6) & 3) === 3 ? 1 : 2 };
}
