/**
 * The guard before every address that a client names (SSRF): a host counts as public only if everything that it resolves to is,
 * and that is looked at where the connection is made, so that a name cannot change its mind in between.
 */
import { lookup as resolveHost, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

export const PRIVATE_ADDRESS = 'its host is not a public one (private, loopback and link-local networks are closed)';

/** What a connection through `guardedLookup` fails with. */
export class PrivateAddressError extends Error {}

/** Vendors wrap what happened below in `cause`, several times over. */
export function findCause<T>(thrown: unknown, type: abstract new (...args: never[]) => T): T | undefined {
  for (let cause: unknown = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof type) return cause;
  }
  return undefined;
}

/** An address in numbers is never looked up: it must be checked where it stands. `allowHosts`: exactly as written in addresses. */
export function isPrivateLiteral({ hostname }: URL, allowHosts: readonly string[]): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !allowHosts.includes(hostname) && !isPublic(host);
}

/** As net.connect calls it: resolves, and refuses the whole host if any of its addresses is not public. */
export function guardedLookup(allowHosts: readonly string[]): LookupFunction {
  return (hostname, options, callback) => {
    resolveHost(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, []);
      const closed = !allowHosts.includes(hostname) && addresses.some(({ address }) => !isPublic(address));
      if (closed) return callback(new PrivateAddressError(hostname), []);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      return callback(null, first?.address ?? '', first?.family ?? 4);
    });
  };
}

/** Public means unicast: everything that IANA set aside (private, shared, documentation, mapped, NAT64 …) is not. */
function isPublic(address: string): boolean {
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === 'ipv6' && (parsed as ipaddr.IPv6).isIPv4MappedAddress()) {
    return (parsed as ipaddr.IPv6).toIPv4Address().range() === 'unicast';
  }
  return parsed.range() === 'unicast';
}
