/** `narrator keys`: who may use a server. It works on the server's store itself, so that the first key can be made. */
import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { createApiKey, listApiKeys, revokeApiKey, type Scope, SCOPES } from '../core/api-keys.ts';
import type { ArtifactStore } from '../core/ports.ts';
import { openStore } from '../runtime/open-store.ts';
import { withServiceStore } from '../runtime/service-store.ts';
import type { CliContext } from './context.ts';
import { formatTable } from './terminal.ts';

interface CreateFlags {
  name: string;
  scopes: Scope[];
  tenant?: string;
  expires?: string;
  json?: boolean;
}

const WHERE = `
Keys lie in the store that the server uses: NARRATOR_STORE, or the folder of a server on this machine if it is not set.`;

export function addKeysCommand(program: Command, context: CliContext): void {
  const command = program.command('keys').description('make, list and revoke the API keys of a server');
  command
    .command('create')
    .description('make a key; it is shown once')
    .requiredOption('-n, --name <name>', 'whose or what for, for people')
    .addOption(
      new Option('--scopes <scopes...>', 'submit: make jobs and speech; read: look at them; admin: everything')
        .choices(SCOPES)
        .default(['submit', 'read']),
    )
    .option('--tenant <name>', 'sees only jobs of this tenant, and shares the workers as one among the tenants')
    .option('--expires <time>', 'when it ends: 2027-01-31T00:00:00Z')
    .option('--json', 'print JSON')
    .addHelpText('after', WHERE)
    .action((flags: CreateFlags) => create(context, flags));
  command
    .command('list')
    .description('all keys, without their secrets')
    .option('--json', 'print JSON')
    .addHelpText('after', WHERE)
    .action((flags: { json?: boolean }) => list(context, flags));
  command
    .command('revoke <id>')
    .description('end a key; servers follow within 10 s')
    .option('--json', 'print JSON')
    .addHelpText('after', WHERE)
    .action((id: string, flags: { json?: boolean }) => revoke(context, id, flags));
}

async function create(context: CliContext, flags: CreateFlags): Promise<void> {
  const { name, scopes, tenant, expires, json } = flags;
  const request = {
    name,
    scopes,
    ...(tenant !== undefined && { tenant }),
    ...(expires !== undefined && { expiresAt: expires }),
  };
  const store = await openKeyStore(context);
  const { key, info } = await createApiKey(request, { store, now: () => new Date(), randomBytes });
  const { terminal } = context;
  if (json) return terminal.print(JSON.stringify({ key, ...info }));
  terminal.print(key);
  terminal.note(
    `Key ${info.id} (${info.scopes.join(', ')}). It is not shown again: keep it, as NARRATOR_API_KEY for this command line.`,
  );
}

async function list(context: CliContext, { json }: { json?: boolean }): Promise<void> {
  const keys = await listApiKeys(await openKeyStore(context));
  const { terminal } = context;
  if (json) return terminal.print(JSON.stringify(keys));
  const rows = keys.map(({ id, name, scopes, tenant, createdAt, expiresAt, revokedAt }) => [
    id,
    name,
    scopes.join(','),
    tenant ?? '',
    createdAt,
    revokedAt !== undefined ? `revoked ${revokedAt}` : expiresAt !== undefined ? `until ${expiresAt}` : '',
  ]);
  for (const line of formatTable([['ID', 'NAME', 'SCOPES', 'TENANT', 'CREATED', ''], ...rows])) terminal.print(line);
}

async function revoke(context: CliContext, id: string, { json }: { json?: boolean }): Promise<void> {
  const info = await revokeApiKey(id, { store: await openKeyStore(context), now: () => new Date() });
  context.terminal.print(json ? JSON.stringify(info) : `Key ${id} (${info.name}) is revoked.`);
}

async function openKeyStore({ config, lifecycle }: CliContext): Promise<ArtifactStore> {
  const { store, close } = await openStore(withServiceStore(config));
  lifecycle.add({ name: 'store', timeoutMs: 1_000, run: close });
  return store;
}
