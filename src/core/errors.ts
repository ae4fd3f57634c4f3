/**
 * Every error that f5-narrator can report, in one table. A code is part of the public contract: the CLI prints it,
 * records and errors.jsonl carry it, the REST API answers with it. This file imports nothing.
 */

export interface ErrorDefinition {
  /** Would the same request succeed later, or elsewhere, without being changed? Queues retry exactly these. */
  readonly retryable: boolean;
  /** What the reader can do about it: a sentence, in the imperative. */
  readonly hint: string;
}

export const ERRORS = {
  // What the client handed in
  usage: { retryable: false, hint: 'Run the command with --help to see its arguments.' },
  config_invalid: {
    retryable: false,
    hint: 'Correct the setting that the message names; docs/configuration.md lists them all.',
  },
  manifest_invalid: {
    retryable: false,
    hint: 'Hand in JSON Lines (one object a line) or CSV with a header, in UTF-8.',
  },
  manifest_too_large: { retryable: false, hint: 'Split the manifest into several jobs.' },
  encoding_invalid: { retryable: false, hint: 'Save the file as UTF-8.' },
  item_invalid: { retryable: false, hint: 'Correct the field that the message names on that line of the manifest.' },
  item_duplicate: { retryable: false, hint: 'Give every item an id (and output path) of its own.' },
  text_empty: { retryable: false, hint: 'Give the item some text that can be spoken.' },
  text_too_long: { retryable: false, hint: 'Split the text into several items.' },
  text_unspeakable: {
    retryable: false,
    hint: 'Write the text with characters that the model knows, or choose another model.',
  },
  text_file_unreadable: {
    retryable: false,
    hint: 'Give textFile as a path relative to the manifest, inside its folder.',
  },
  book_invalid: {
    retryable: false,
    hint: 'Check the book with an EPUB checker, or save it again with the program that made it.',
  },
  voice_not_found: {
    retryable: false,
    hint: 'List the voices with `narrator voices list`, or add one with `narrator voices add`.',
  },
  voice_invalid: { retryable: false, hint: 'Run `narrator voices check` on the clip and follow what it says.' },
  audio_undecodable: { retryable: false, hint: 'Hand in a WAV, MP3, FLAC or OGG file.' },
  fetch_refused: {
    retryable: false,
    hint: 'Use a public http or https address of a small enough file, or hand the bytes in directly.',
  },
  fetch_failed: { retryable: true, hint: 'Check that the address can be reached and answers with the file.' },
  request_invalid: { retryable: false, hint: 'Correct the field that the message names; docs/api.md has the form.' },
  route_not_found: { retryable: false, hint: 'Check method and path; docs/api.md lists them.' },
  api_key_missing: {
    retryable: false,
    hint: 'Send an API key as `Authorization: Bearer KEY`; `narrator keys create` makes one.',
  },
  api_key_invalid: { retryable: false, hint: 'Check the key: it may be mistyped, expired or revoked.' },
  scope_missing: { retryable: false, hint: 'Use a key that has the scope which the message names.' },
  bucket_not_allowed: {
    retryable: false,
    hint: 'Use a bucket and prefix that NARRATOR_BUCKETS lists, or have the operator add it there.',
  },
  manifest_not_found: { retryable: false, hint: 'Check bucket, key and the permission to read it.' },
  subscription_invalid: {
    retryable: false,
    hint: 'Correct the field that the message names; docs/notifications.md has the forms.',
  },
  delivery_failed: { retryable: true, hint: 'Check that the receiver is up and answers with 2xx; it is tried again.' },
  server_unreachable: { retryable: true, hint: 'Check NARRATOR_URL, and that the server runs.' },
  too_many_requests: { retryable: true, hint: 'Wait as long as Retry-After says, then try again.' },
  key_invalid: {
    retryable: false,
    hint: 'Use relative paths of letters, digits, dots, dashes and underscores, without "..".',
  },
  job_not_found: { retryable: false, hint: 'Check the job id.' },
  job_conflict: { retryable: false, hint: 'Use another job id: this one was accepted with other content.' },
  cancelled: { retryable: false, hint: 'Submit the job again to have it done.' },

  // Models and the machine
  model_not_found: { retryable: false, hint: 'Run `narrator models list`, then `narrator models pull NAME`.' },
  model_invalid: {
    retryable: false,
    hint: 'Run `narrator models verify NAME`; pull or build the model again if it fails.',
  },
  model_mismatch: {
    retryable: false,
    hint: 'Run the job with the model that it was accepted for, or submit it again under another id.',
  },
  provider_unavailable: { retryable: false, hint: 'Install what the message names, or choose --provider cpu.' },
  download_failed: {
    retryable: true,
    hint: 'Run the command again: it goes on where it stopped. --mirror and --from name other sources.',
  },
  checksum_mismatch: {
    retryable: false,
    hint: 'Delete the file that the message names and fetch it again from a source that you trust.',
  },

  // The engine at work
  engine_crashed: {
    retryable: true,
    hint: 'It is tried again by itself. If it keeps happening, look at the memory limit.',
  },
  engine_timeout: {
    retryable: true,
    hint: 'It is tried again by itself. If it keeps happening, raise the time limit or lower the batch budget.',
  },
  engine_stopped: {
    retryable: true,
    hint: 'The process was shutting down: run it again, it goes on where it stopped.',
  },
  out_of_memory: {
    retryable: true,
    hint: 'Lower the batch budget (--budget-frames), or give the process more memory.',
  },
  segment_crashes_engine: {
    retryable: false,
    hint: 'Change the text of the segment that the message names, and report it to the project.',
  },
  waveform_invalid: { retryable: false, hint: 'Try another seed, or reword the text that the message names.' },
  shard_abandoned: {
    retryable: true,
    hint: 'Look at the logs of the workers for what ends them, then submit the failed items again.',
  },

  // The store
  store_unavailable: { retryable: true, hint: 'Check the disk or the network; it is tried again.' },
  store_full: { retryable: true, hint: 'Free some space and run again: it goes on where it stopped.' },
  store_busy: { retryable: true, hint: 'Another process works on this folder; wait for it or stop it.' },
  queue_unavailable: { retryable: true, hint: 'Check that Redis is up and can be reached; it is tried again.' },
  store_unsafe: { retryable: false, hint: 'Use a store that honours conditional writes.' },
  ledger_corrupt: { retryable: false, hint: 'Delete the object that the message names and run again.' },

  internal: { retryable: false, hint: 'This is a defect of f5-narrator: please report it with the message.' },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** Where in the client's input the cause lies, and what limit was passed. */
export interface ErrorDetails {
  /** 1-based line of the manifest */
  line?: number;
  /** the item's id, if it had a usable one */
  item?: string;
  /** name of the offending field */
  field?: string;
  /** the limit that was passed, with its unit in the message */
  limit?: number;
  /** overrides the code's own `retryable` */
  retryable?: boolean;
  /** overrides the code's own hint */
  hint?: string;
}

/** An error as it is stored in records and errors.jsonl. */
export interface ErrorRecord extends Omit<ErrorDetails, 'retryable' | 'hint'> {
  code: ErrorCode;
  message: string;
  hint: string;
  retryable: boolean;
}

export class NarratorError extends Error {
  override readonly name = 'NarratorError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return this.details.retryable ?? ERRORS[this.code].retryable;
  }

  get hint(): string {
    return this.details.hint ?? ERRORS[this.code].hint;
  }

  /** The same error with more of its place known (a parser knows the field, its caller the line). */
  with(details: ErrorDetails): NarratorError {
    return new NarratorError(this.code, this.message, { ...details, ...this.details }, { cause: this.cause });
  }

  toRecord(): ErrorRecord {
    const { retryable: _retryable, hint: _hint, ...place } = this.details;
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable, ...place };
  }

  static fromRecord(record: ErrorRecord): NarratorError {
    const { code, message, ...details } = record;
    return new NarratorError(code, message, details);
  }
}

/** Whatever was thrown, as a NarratorError: used at every catch that reports. Unknown errors become `internal`. */
export function toNarratorError(thrown: unknown): NarratorError {
  if (thrown instanceof NarratorError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new NarratorError('internal', message, {}, { cause: thrown });
}
