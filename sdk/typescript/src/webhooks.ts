/** Checking that a request came from a webhook: Standard Webhooks (https://www.standardwebhooks.com). */
import { camelCased } from './casing.js';
import { webCrypto } from './crypto.js';
import { InvalidSignature } from './error.js';
import type { Event } from './models.js';
import { decodeBase64, octetsOf } from './octets.js';

/** A request's headers: those of `fetch`, whatever else has `get`, or those of Node's `http`, in any case. */
export type HeadersLike = { get(name: string): unknown } | Record<string, string | string[] | undefined>;

const TOLERANCE = 300; // seconds
const PREFIX = 'whsec_';

/** What a request to a webhook may be read as. */
export type RawBody = string | Uint8Array | ArrayBuffer;

export async function verify(body: RawBody, headers: HeadersLike, secret: string): Promise<Event> {
  const octets = octetsOf(body);
  if (!octets) throw new TypeError('the body must be the text or octets that came, before any parser');
  const key = keyOf(secret);
  const moment = header(headers, 'webhook-timestamp');
  if (!/^\d{1,15}$/.test(moment) || Math.abs(Date.now() / 1000 - Number(moment)) > TOLERANCE) {
    throw refused('The request has no time of its signature, or it is not of the last five minutes.');
  }
  const signatures = header(headers, 'webhook-signature').split(' ');
  if (!(await isSigned(octets, `${header(headers, 'webhook-id')}.${moment}.`, signatures, key))) {
    throw refused('The request was not signed with this secret, or its body is not as it came.');
  }
  return camelCased(JSON.parse(new TextDecoder().decode(octets))) as Event;
}

/** Says whether one of the signatures is ours; in the same time whatever they are (WebCrypto compares). */
async function isSigned(octets: Uint8Array, head: string, signatures: string[], key: BufferSource): Promise<boolean> {
  const before = new TextEncoder().encode(head);
  const signed = new Uint8Array(before.length + octets.length);
  signed.set(before);
  signed.set(octets, before.length);
  const { subtle } = await webCrypto();
  const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  for (const each of signatures) {
    const signature = each.startsWith('v1,') && decodeBase64(each.slice(3));
    if (signature && (await subtle.verify('HMAC', imported, signature, signed))) return true;
  }
  return false;
}

function header(headers: HeadersLike, name: string): string {
  if (typeof headers.get === 'function') return String(headers.get(name) ?? '');
  const [, value] = Object.entries(headers).find(([each]) => each.toLowerCase() === name) ?? [];
  return value === undefined ? '' : String(value);
}

function keyOf(secret: string): BufferSource {
  const told = String(secret ?? '').trim(); // files and environments like to end in a line feed
  const key = decodeBase64(told.startsWith(PREFIX) ? told.slice(PREFIX.length) : told);
  if (!key?.byteLength) throw new TypeError('the secret is not one of a webhook: whsec_ and base64');
  return key;
}

function refused(why: string): InvalidSignature {
  return new InvalidSignature(why, { code: 'INVALID_SIGNATURE' });
}
