/**
 * The average of all channels, sample by sample: what F5-TTS does with a reference of several channels.
 * @param channels at least one, of one length. A single channel is returned as it is, not copied.
 */
export function mixToMono(channels: readonly Float32Array[]): Float32Array {
  const [first, ...others] = channels;
  if (!first) throw new RangeError('There are no channels to mix.');
  if (others.length === 0) return first;
  const mixed = new Float32Array(first.length);
  for (let i = 0; i < mixed.length; i++) {
    let sum = first[i] as number;
    for (const channel of others) sum += channel[i] as number;
    mixed[i] = sum / channels.length;
  }
  return mixed;
}
