/** Consecutive items to shards of a given length. Where it starts again between two shards, it packs as it would have. */
import type { PlannedEntry, PlannedItem } from './plan-items.ts';
import { framesOf, type ItemPart, type ShardContents } from './shard.ts';

/** Entries (items and rejected lines) of one shard at most: bounds its plan and its record when items are tiny. */
const SHARD_ENTRIES_MAX = 512;

/**
 * Packs consecutive items into shards of at most `framesMax`. An item is divided only if it is longer than that; what is
 * left of it shares its shard with the items that follow. Of the first item, `segmentsBefore` segments are packed already.
 */
export async function* packShards(
  entries: AsyncIterable<PlannedEntry>,
  framesMax: number,
  segmentsBefore = 0,
): AsyncGenerator<ShardContents> {
  let shard: ShardContents = { parts: [], rejected: [], characters: 0 };
  let frames = 0;
  let skipped = segmentsBefore;
  const isEmpty = () => shard.parts.length + shard.rejected.length === 0;
  const take = (): ShardContents => {
    const full = shard;
    shard = { parts: [], rejected: [], characters: 0 };
    frames = 0;
    return full;
  };
  for await (const entry of entries) {
    if (shard.parts.length + shard.rejected.length >= SHARD_ENTRIES_MAX) yield take();
    const from = skipped;
    skipped = 0;
    if (entry.status === 'rejected') {
      shard.rejected.push(entry.rejected);
      continue;
    }
    if (!isEmpty() && frames + framesOf(entry.item) > framesMax) yield take();
    for (const part of divided(entry.item, framesMax)) {
      if (part.firstSegment < from) continue;
      if (part.firstSegment === 0) shard.characters += entry.item.characters;
      else if (!isEmpty()) yield take();
      shard.parts.push(part);
      frames += framesOf(part);
    }
  }
  if (!isEmpty()) yield take();
}

/** The item in runs of segments of at most `framesMax`, but of one segment at least. */
function* divided({ characters: _characters, ...item }: PlannedItem, framesMax: number): Generator<ItemPart> {
  let first = 0;
  let frames = 0;
  for (const [index, segment] of item.segments.entries()) {
    if (index > first && frames + segment.frames > framesMax) {
      yield { ...item, firstSegment: first, segments: item.segments.slice(first, index) };
      first = index;
      frames = 0;
    }
    frames += segment.frames;
  }
  yield first === 0 ? item : { ...item, firstSegment: first, segments: item.segments.slice(first) };
}
