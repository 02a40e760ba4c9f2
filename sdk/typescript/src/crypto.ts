/** WebCrypto: a global everywhere but in Node 18, which keeps it in a module. */
let found: Crypto | undefined;

export async function webCrypto(): Promise<Crypto> {
  found ??= globalThis.crypto ?? (await ofNode());
  return found;
}

/** Returns an unguessable text: answers that hold secrets are stored under a key that is made from it. */
export async function randomKey(): Promise<string> {
  const octets = (await webCrypto()).getRandomValues(new Uint8Array(16));
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

async function ofNode(): Promise<Crypto> {
  const name = 'node:crypto'; // not written out, so that bundlers for browsers do not look for it
  return ((await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as { webcrypto: Crypto }).webcrypto;
}
