/**
 * API keys: `nk_<id>_<secret>`. The store has the sha256 of the secret, what the key may do and for whom; the secret itself
 * is shown once, when the key is made. It is 256 random bits, so that a plain digest needs no salt and no slow hash.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import { apiKeyKey, apiKeyPrefix, JOB_ID } from './keys.ts';
import type { ArtifactStore } from './ports.ts';

export const SCOPES = ['submit', 'read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who asks, and what they may do. Without a tenant: everything that is nobody's in particular. */
export interface Client {
  /** absent where no keys are asked for */
  readonly keyId?: string;
  readonly tenant?: string;
  readonly scopes: ReadonlySet<Scope>;
}

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const API_KEY = /^nk_([0-9a-f]{16})_([0-9a-f]{64})$/;
const KEY_ID = /^[0-9a-f]{16}$/;
/** `keyId` of the key that the operator has set in the environment; no key of the store can have it. */
export const ADMIN_KEY_ID = 'admin';

const recordSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(KEY_ID),
  /** for people */
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)).min(1),
  tenant: z.string().regex(JOB_ID).exactOptional(),
  /** of the secret, hex */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** ISO 8601, UTC, like the others */
  createdAt: z.string(),
  expiresAt: z.string().exactOptional(),
  revokedAt: z.string().exactOptional(),
});
type ApiKeyRecord = z.infer<typeof recordSchema>;

/** A key as it may be shown. */
export type ApiKeyInfo = Omit<ApiKeyRecord, 'v' | 'sha256'>;

/** What whoever makes a key says of it. */
export const apiKeyRequestSchema = z.strictObject({
  name: z.string('must be a string').trim().min(1, 'is empty').max(100, 'must have at most 100 characters'),
  /** `admin` includes the other two */
  scopes: z
    .array(z.enum(SCOPES, `must be among ${SCOPES.join(', ')}`), `must be among ${SCOPES.join(', ')}`)
    .min(1, 'must name at least one'),
  tenant: z
    .string('must be a string')
    .regex(JOB_ID, 'must be 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit')
    .exactOptional(),
  expiresAt: z.iso.datetime('must be a time such as 2027-01-31T00:00:00Z').exactOptional(),
});
export type ApiKeyRequest = z.input<typeof apiKeyRequestSchema>;

interface ApiKeyDeps {
  readonly store: ArtifactStore;
  readonly now: () => Date;
}

/**
 * @param randomBytes cryptographically strong
 * @returns the key, which cannot be had again, and what is stored of it
 * @throws NarratorError usage naming the field that is wrong
 */
export async function createApiKey(
  request: ApiKeyRequest,
  { store, now, randomBytes }: ApiKeyDeps & { readonly randomBytes: (count: number) => Uint8Array },
): Promise<{ readonly key: string; readonly info: ApiKeyInfo }> {
  const parsed = apiKeyRequestSchema.safeParse(request);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = String(issue?.path[0] ?? '');
    throw new NarratorError('usage', `${field} ${issue?.message ?? 'cannot be used'}.`, { field });
  }
  const { name, scopes, tenant, expiresAt } = parsed.data;
  const createdAt = now();
  if (expiresAt !== undefined && Date.parse(expiresAt) <= createdAt.getTime()) {
    throw new NarratorError('usage', `expiresAt is ${expiresAt}, which is over already.`, { field: 'expiresAt' });
  }
  const [id, secret] = [hex(randomBytes(ID_BYTES)), hex(randomBytes(SECRET_BYTES))];
  const record: ApiKeyRecord = {
    v: 1,
    id,
    name,
    scopes: SCOPES.filter((scope) => scopes.includes('admin') || scopes.includes(scope)),
    ...(tenant !== undefined && { tenant }),
    sha256: hash('sha256', secret),
    createdAt: createdAt.toISOString(),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  };
  const put = await store.put(apiKeyKey(id), encode(record), { ifAbsent: true });
  if (put.status !== 'written') throw new NarratorError('internal', `There is a key ${id} already.`);
  return { key: `nk_${id}_${secret}`, info: infoOf(record) };
}

/** All keys, those that are revoked or expired as well, by id. */
export async function listApiKeys(store: ArtifactStore): Promise<ApiKeyInfo[]> {
  const keys: ApiKeyInfo[] = [];
  for await (const { key } of store.list(apiKeyPrefix)) {
    const stored = await store.get(key);
    if (stored !== undefined) keys.push(infoOf(decode(key, stored.bytes)));
  }
  return keys;
}

/** The key stays listed, and opens nothing more. Revoking it again changes nothing. @throws NarratorError usage: no such key */
export async function revokeApiKey(id: string, { store, now }: ApiKeyDeps): Promise<ApiKeyInfo> {
  for (;;) {
    const stored = KEY_ID.test(id) ? await store.get(apiKeyKey(id)) : undefined;
    if (stored === undefined) {
      throw new NarratorError('usage', `There is no API key ${JSON.stringify(id.slice(0, 80))}.`, {
        field: 'id',
        hint: 'List the keys with `narrator keys list`, and give the id, which is not secret.',
      });
    }
    const record = decode(apiKeyKey(id), stored.bytes);
    if (record.revokedAt !== undefined) return infoOf(record);
    const revoked = { ...record, revokedAt: now().toISOString() };
    const put = await store.put(apiKeyKey(id), encode(revoked), { ifMatch: stored.etag });
    if (put.status === 'written') return infoOf(revoked);
  }
}

/** How long a revoked key may still be taken by a process that has just seen it. */
export const KEY_MEMORY_MS = 10_000;
const KEYS_REMEMBERED_MAX = 1_000;
/** What an unknown id is compared with: no secret has this digest. */
const NO_SECRET = '0'.repeat(64);

export interface ApiKeyVerifierOptions extends ApiKeyDeps {
  /** a key with every scope and no tenant, of any form */
  readonly adminKey?: string | undefined;
}

/** Says whose a key is. What the store said of an id is remembered for KEY_MEMORY_MS, so that a request costs no read each. */
export class ApiKeyVerifier {
  readonly #store: ArtifactStore;
  readonly #now: () => Date;
  readonly #adminDigest: string;
  readonly #remembered = new Map<
    string,
    { readonly until: number; readonly record: Promise<ApiKeyRecord | undefined> }
  >();

  constructor({ store, now, adminKey }: ApiKeyVerifierOptions) {
    this.#store = store;
    this.#now = now;
    this.#adminDigest = adminKey === undefined ? NO_SECRET : hash('sha256', adminKey);
  }

  /**
   * Unknown, mistyped, revoked and expired keys all give undefined, and a wrong secret takes as long as an unknown id.
   * @throws NarratorError store_unavailable
   */
  async verify(key: string): Promise<Client | undefined> {
    if (isSameDigest(hash('sha256', key), this.#adminDigest)) {
      return { keyId: ADMIN_KEY_ID, scopes: new Set(SCOPES) };
    }
    const [, id, secret] = API_KEY.exec(key) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    const record = await this.#recordOf(id);
    const isRight = isSameDigest(hash('sha256', secret), record?.sha256 ?? NO_SECRET);
    if (record === undefined || !isRight || !this.#isValid(record)) return undefined;
    return { keyId: id, scopes: new Set(record.scopes), ...(record.tenant !== undefined && { tenant: record.tenant }) };
  }

  #isValid({ revokedAt, expiresAt }: ApiKeyRecord): boolean {
    return revokedAt === undefined && (expiresAt === undefined || this.#now().getTime() < Date.parse(expiresAt));
  }

  #recordOf(id: string): Promise<ApiKeyRecord | undefined> {
    const now = this.#now().getTime();
    const known = this.#remembered.get(id);
    if (known !== undefined && now < known.until) return known.record;
    const record = this.#read(id);
    this.#remembered.delete(id);
    this.#remembered.set(id, { until: now + KEY_MEMORY_MS, record });
    // What failed is not remembered. Whoever asked hears of it.
    record.catch(() => this.#remembered.delete(id));
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > KEYS_REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest);
    return record;
  }

  async #read(id: string): Promise<ApiKeyRecord | undefined> {
    const stored = await this.#store.get(apiKeyKey(id));
    return stored && decode(apiKeyKey(id), stored.bytes);
  }
}

function isSameDigest(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function infoOf({ v: _v, sha256: _sha256, ...info }: ApiKeyRecord): ApiKeyInfo {
  return info;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const encode = (record: ApiKeyRecord) => Buffer.from(`${JSON.stringify(record)}\n`);

function decode(key: string, bytes: Uint8Array): ApiKeyRecord {
  try {
    return recordSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new NarratorError('ledger_corrupt', `${key} is no record of an API key.`, {}, { cause });
  }
}
