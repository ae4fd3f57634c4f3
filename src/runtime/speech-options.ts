/** What a request for speech asks of a narrator: its reference clip, if it brings one, becomes a voice for the while. */
import { CLIP_BYTES_MAX, type TtsRequest } from '../api/speech-request.ts';
import type { Config } from './config.ts';
import type { Narrator, SpeakingOptions } from './narrator.ts';
import { referenceClip } from './reference-clip.ts';

/** @throws NarratorError of the clip: request_invalid, fetch_refused, fetch_failed, audio_undecodable, voice_invalid */
export async function speechOptions(
  { text: _text, ref_audio: refAudio, ref_text: refText, ...options }: TtsRequest,
  { narrator, config, signal }: { narrator: Narrator; config: Config; signal: AbortSignal },
): Promise<SpeakingOptions> {
  if (refAudio === undefined || refText === undefined) return options;
  const { allowHosts, server } = config;
  const audio = await referenceClip(refAudio, {
    ...{ maxBytes: CLIP_BYTES_MAX, folder: server.clipsFolder, allowHosts, signal },
  });
  const { language } = options;
  const voice = await narrator.voices.borrow({ audio, text: refText, ...(language !== undefined && { language }) });
  return { ...options, voice: voice.id };
}
