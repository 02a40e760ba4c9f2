/** Files to attach, whatever they are made of. */

export type Octets = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file to attach. `content` as a string is its text; octets that are base64 already are `base64`. */
export interface Attachable {
  filename: string;
  content?: string | Octets;
  base64?: string;
  /** Without parameters, such as `application/pdf`; by default that of a Blob, else `application/octet-stream`. */
  contentType?: string;
  /** The HTML can show the file by `cid:` and this. */
  contentId?: string;
}

/** A `File` of the browser's, or of Node 20's `node:buffer`, does as it is. */
export type FileInput = Attachable | (Blob & { readonly name: string });

/** Returns the arguments with their `attachments` as they are sent. */
export async function withFiles(params: object): Promise<object> {
  const { attachments } = params as { attachments?: FileInput[] };
  return attachments ? { ...params, attachments: await Promise.all(attachments.map(sent)) } : params;
}

async function sent(file: FileInput): Promise<object> {
  if (file instanceof Blob) {
    return { filename: file.name, content: await base64Of(file), contentType: file.type || undefined };
  }
  const { filename, content, base64, contentType, contentId } = file;
  if ((content === undefined) === (base64 === undefined)) {
    throw new TypeError(`give the attachment ${filename} either content or base64`);
  }
  const type = contentType ?? (content instanceof Blob && content.type ? content.type : undefined);
  return { filename, content: base64 ?? (await base64Of(content!)), contentType: type, contentId };
}

async function base64Of(content: string | Octets): Promise<string> {
  return encodeBase64(await octetsOf(content));
}

async function octetsOf(content: string | Octets): Promise<Uint8Array> {
  if (typeof content === 'string') return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return content;
  if (content instanceof ArrayBuffer) return new Uint8Array(content);
  if (content instanceof Blob) return new Uint8Array(await content.arrayBuffer());
  const pieces: BlobPart[] = [];
  for await (const piece of content as AsyncIterable<Uint8Array>) pieces.push(piece as BlobPart);
  return octetsOf(new Blob(pieces));
}

const AT_ONCE = 0x8000; // as many arguments as every engine takes

export function encodeBase64(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; at += AT_ONCE) {
    text += String.fromCharCode(...octets.subarray(at, at + AT_ONCE));
  }
  return btoa(text);
}

/** Throws a TypeError for what is no base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) throw new TypeError('not base64');
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
