/** Sums over shards. */
import { framesOf, type PlanTotals, type ShardContents } from './shard.ts';

export class TotalsOfShards {
  readonly #totals = { items: 0, rejected: 0, segments: 0, characters: 0, frames: 0 };
  #pauseMs = 0;

  add({ parts, rejected, characters }: ShardContents): void {
    this.#totals.characters += characters;
    this.#totals.rejected += rejected.length;
    this.#totals.items += rejected.filter(({ isPart }) => isPart !== true).length;
    for (const part of parts) {
      if (part.firstSegment === 0) this.#totals.items += 1;
      this.#totals.segments += part.segments.length;
      this.#totals.frames += framesOf(part);
      for (const { pauseAfterMs } of part.segments) this.#pauseMs += pauseAfterMs;
    }
  }

  value(secondsPerFrame: number): PlanTotals {
    const seconds = this.#totals.frames * secondsPerFrame + this.#pauseMs / 1000;
    return { ...this.#totals, audioSeconds: Math.round(seconds * 1000) / 1000 };
  }
}
