/** Which events of a job's items a client has had, in a text that fits into Last-Event-ID. */

/** A shard's items, or those that were joined when a round was finished. */
export type Section = { readonly kind: 'shard' | 'joined'; readonly number: number };

/** Runs of shards that a cursor may have: bounds its text. Shards beyond wait until a gap is filled. */
const RUNS_MAX = 64;
const TEXT_MAX = 4096;

const RUN = '[1-9]\\d{0,8}(?:-[1-9]\\d{0,8})?';
const CURSOR = new RegExp(
  `^(?<runs>${RUN}(?:,${RUN})*)?;(?<joined>\\d{1,6})(?:;(?<kind>j?)(?<section>[1-9]\\d{0,8}):(?<line>\\d{1,9}))?(?:;end(?<ended>[1-9]\\d{0,5}))?$`,
);

/**
 * Shards are done in any order, and their events are sent as they come: so it is a set, written as runs of numbers. '1-40,43;0;46:12':
 * all of the shards 1 to 40 and 43, none of the joined items, and of shard 46 those up to line 12.
 */
export class EventCursor {
  /** first and last shard of each run; sorted, neither overlapping nor touching */
  #runs: [number, number][] = [];
  /** rounds whose joined items were sent: they come in order */
  #joined = 0;
  #within: { readonly section: Section; readonly line: number } | undefined;
  /** the round behind which the client was told that all is done */
  #ended: number | undefined;

  /** @returns undefined if that is none */
  static parse(text: string): EventCursor | undefined {
    const groups = text.length > TEXT_MAX ? undefined : CURSOR.exec(text)?.groups;
    if (groups === undefined) return undefined;
    const cursor = new EventCursor();
    const { runs = '', joined, kind, section, line, ended } = groups;
    for (const run of runs === '' ? [] : runs.split(',')) {
      const [first = 0, last = first] = run.split('-').map(Number);
      if (last < first || first <= (cursor.#runs.at(-1)?.[1] ?? -1) + 1) return undefined;
      cursor.#runs.push([first, last]);
    }
    cursor.#joined = Number(joined);
    if (section !== undefined) {
      const within: Section = { kind: kind === 'j' ? 'joined' : 'shard', number: Number(section) };
      cursor.#within = { section: within, line: Number(line) };
    }
    if (ended !== undefined) cursor.#ended = Number(ended);
    return cursor;
  }

  get ended(): number | undefined {
    return this.#ended;
  }

  /** Lines of the section up to this one were sent; 0 for none. */
  lineIn(section: Section): number {
    const within = this.#within;
    return within?.section.kind === section.kind && within.section.number === section.number ? within.line : 0;
  }

  /** What to send next of what is there, if there is anything. */
  next(recorded: { readonly last: number; has(shard: number): boolean }, joinedRounds: number): Section | undefined {
    const within = this.#within?.section;
    if (within?.kind === 'shard' && recorded.has(within.number) && !this.#hasShard(within.number)) return within;
    const shard = this.#nextShard(recorded);
    if (shard !== undefined) return { kind: 'shard', number: shard };
    return this.#joined < joinedRounds ? { kind: 'joined', number: this.#joined + 1 } : undefined;
  }

  #nextShard(recorded: { readonly last: number; has(shard: number): boolean }): number | undefined {
    if (this.#runs.length >= RUNS_MAX) {
      const neighbours = this.#runs.flatMap(([first, last]) => [first - 1, last + 1]);
      return neighbours.find((shard) => shard > 0 && recorded.has(shard));
    }
    let at = 1;
    for (const [first, last] of [...this.#runs, [recorded.last + 1, recorded.last] as const]) {
      // The text is a client's: it may name shards that will never be.
      const end = Math.min(first, recorded.last + 1);
      for (; at < end; at++) if (recorded.has(at)) return at;
      at = last + 1;
    }
    return undefined;
  }

  #hasShard(shard: number): boolean {
    return this.#runs.some(([first, last]) => first <= shard && shard <= last);
  }

  /** All up to this line of the section were sent. */
  reach(section: Section, line: number): void {
    this.#within = { section, line };
  }

  /** All of the section was sent. */
  complete({ kind, number }: Section): void {
    this.#within = undefined;
    if (kind === 'joined') this.#joined = number;
    else if (!this.#hasShard(number)) this.#addShard(number);
  }

  #addShard(number: number): void {
    this.#runs.push([number, number]);
    this.#runs.sort(([a], [b]) => a - b);
    const runs: [number, number][] = [];
    for (const run of this.#runs) {
      const before = runs.at(-1);
      if (before !== undefined && before[1] + 1 >= run[0]) before[1] = Math.max(before[1], run[1]);
      else runs.push(run);
    }
    this.#runs = runs;
  }

  /** The client is told that all is done, with this round. */
  end(round: number): void {
    this.#ended = round;
  }

  toString(): string {
    const runs = this.#runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
    const { section, line } = this.#within ?? {};
    const within = section === undefined ? '' : `;${section.kind === 'joined' ? 'j' : ''}${section.number}:${line}`;
    return `${runs};${this.#joined}${within}${this.#ended === undefined ? '' : `;end${this.#ended}`}`;
  }
}
