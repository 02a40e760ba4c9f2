/** Checking that a request came from a webhook: Standard Webhooks (https://www.standardwebhooks.com). */
import { camelCased } from './casing.js';
import { webCrypto } from './crypto.js';
import { InvalidSignature } from './error.js';
import { decodeBase64 } from './files.js';
import type { Event } from './models.js';

/** A request's headers: those of `fetch`, or of Node's `http`, in any case. */
export type HeadersLike = Headers | Record<string, string | string[] | undefined>;

const TOLERANCE = 300; // seconds
const PREFIX = 'whsec_';

export async function verify(body: string | Uint8Array, headers: HeadersLike, secret: string): Promise<Event> {
  const found = headers instanceof Headers ? headers : plain(headers);
  const moment = found.get('webhook-timestamp') ?? '';
  if (!/^\d{1,15}$/.test(moment) || Math.abs(Date.now() / 1000 - Number(moment)) > TOLERANCE) {
    throw refused('The request has no time of its signature, or it is not of the last five minutes.');
  }
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const octets = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${found.get('webhook-id') ?? ''}.${moment}.`);
  const signed = new Uint8Array(head.length + octets.length);
  signed.set(head);
  signed.set(octets, head.length);
  const { subtle } = await webCrypto();
  const key = await subtle.importKey('raw', keyOf(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  for (const each of (found.get('webhook-signature') ?? '').split(' ')) {
    const signature = signatureOf(each);
    if (signature && (await subtle.verify('HMAC', key, signature, signed))) {
      return camelCased(JSON.parse(text)) as Event;
    }
  }
  throw refused('The request was not signed with this secret, or its body is not as it came.');
}

function plain(headers: Record<string, string | string[] | undefined>): Headers {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const turned = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && names.includes(name.toLowerCase())) turned.set(name, String(value));
  }
  return turned;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase64(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  } catch {
    throw new TypeError('the secret is not one of a webhook: whsec_ and base64');
  }
}

function signatureOf(given: string): Uint8Array<ArrayBuffer> | undefined {
  if (!given.startsWith('v1,')) return undefined;
  try {
    return decodeBase64(given.slice(3));
  } catch {
    return undefined;
  }
}

function refused(why: string): InvalidSignature {
  return new InvalidSignature(why, { code: 'INVALID_SIGNATURE' });
}
