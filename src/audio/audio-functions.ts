/** What the core's use cases are given of this room. */
import type { AudioFunctions } from '../core/ports.ts';
import { finishSegment } from './finish-segment.ts';
import { decodeSegment, encodeSegment } from './segment-wav.ts';
import { encodeWav } from './wav-stream.ts';

export const audioFunctions: AudioFunctions = { finishSegment, encodeSegment, decodeSegment, encodeWav };
