import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fetchUntrusted } from '../../../src/adapters/fetch-untrusted.ts';
import type { NarratorError } from '../../../src/core/errors.ts';

let server: Server;
let port: number;
let hits: string[] = [];

const routes: Record<string, RequestListener> = {
  '/clip': (_request, response) => response.end('sound'),
  '/large': (_request, response) => response.end(Buffer.alloc(1000)),
  '/endless': (_request, response) => {
    response.write(Buffer.alloc(600));
    setTimeout(() => response.write(Buffer.alloc(600)), 20);
  },
  '/silent': () => {},
  '/gone': (_request, response) => response.writeHead(404).end(),
  '/broken': (_request, response) => response.writeHead(500).end(),
  '/to-clip': (_request, response) => response.writeHead(302, { location: '/clip' }).end(),
  '/to-metadata': (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
  '/to-file': (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/round': (_request, response) => response.writeHead(302, { location: '/round' }).end(),
};

before(async () => {
  server = createServer((request, response) => {
    hits.push(request.url ?? '');
    routes[request.url ?? '']?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const OPTIONS = { field: 'ref_audio', maxBytes: 900 };
const allowed = (path: string, options = {}) =>
  fetchUntrusted(`http://127.0.0.1:${port}${path}`, { ...OPTIONS, allowHosts: ['127.0.0.1'], ...options });

function refusedWith(code: string, pattern: RegExp) {
  return (error: NarratorError) => {
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    assert.equal(error.details.field, 'ref_audio');
    return true;
  };
}

describe('fetching what a client names', () => {
  test('every way of writing an address of this machine or network is refused before anything is sent', async () => {
    hits = [];
    const hosts = [
      '127.0.0.1',
      '127.1',
      '0x7f000001',
      '2130706433',
      '0.0.0.0',
      'localhost',
      '[::1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '169.254.169.254',
      '[fe80::1]',
      '[fd00::1]',
      '100.64.0.1',
    ];
    for (const host of hosts) {
      await assert.rejects(
        fetchUntrusted(`http://${host}:${port}/clip`, OPTIONS),
        refusedWith('fetch_refused', /not a public one/),
        host,
      );
    }
    assert.deepEqual(hits, []);
  });

  test('other schemes, credentials and what is no address are refused', async () => {
    for (const address of [
      'file:///etc/passwd',
      'ftp://example.com/a',
      'gopher://example.com',
      'http://user:secret@example.com/',
      'http://',
    ]) {
      await assert.rejects(
        fetchUntrusted(address, OPTIONS),
        refusedWith('fetch_refused', /cannot be fetched/),
        address,
      );
    }
  });

  test('a host that was allowed by name is fetched, also through a redirect', async () => {
    assert.equal(Buffer.from(await allowed('/clip')).toString(), 'sound');
    assert.equal(Buffer.from(await allowed('/to-clip')).toString(), 'sound');
  });

  test('a redirect is checked like the address itself, and does not go on for ever', async () => {
    await assert.rejects(allowed('/to-metadata'), refusedWith('fetch_refused', /not a public one/));
    await assert.rejects(allowed('/to-file'), refusedWith('fetch_refused', /scheme is file:/));
    await assert.rejects(allowed('/round'), refusedWith('fetch_refused', /more than 3 times/));
  });

  test('size is bounded by what is stated and by what comes', async () => {
    await assert.rejects(allowed('/large'), refusedWith('fetch_refused', /larger than 900 bytes/));
    await assert.rejects(allowed('/endless'), refusedWith('fetch_refused', /larger than 900 bytes/));
  });

  test('time is bounded, and statuses are told apart by whether trying again helps', async () => {
    await assert.rejects(
      allowed('/silent', { timeoutMs: 200 }),
      refusedWith('fetch_failed', /no answer within 200 ms/),
    );
    await assert.rejects(allowed('/gone'), (error: NarratorError) => error.code === 'fetch_failed' && !error.retryable);
    await assert.rejects(
      allowed('/broken'),
      (error: NarratorError) => error.code === 'fetch_failed' && error.retryable,
    );
  });
});
