/**
 * A transcript as the model expects it in front of the text: ending in ". " or "。"
 * (`preprocess_ref_audio_text` in f5_tts/infer/utils_infer.py). Without an end the model runs the prompt's last word
 * into the text's first. Idempotent.
 */
export function endTranscript(transcript: string): string {
  const trimmed = transcript.trim();
  if (trimmed.endsWith('。')) return trimmed;
  return trimmed.endsWith('.') ? `${trimmed} ` : `${trimmed}. `;
}
