/** Files to attach, whatever they are made of. */
import { encodeBase64, octetsOf } from './octets.js';

/** What a file is made of. Text in a stream is UTF-8. */
export type Octets =
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array>;

/** A file to attach. `content` as a string is its text; octets that are base64 already are `base64`. */
export interface Attachable {
  filename: string;
  content?: string | Octets | undefined;
  base64?: string | undefined;
  /** Without parameters, such as `application/pdf`; by default that of a Blob, else `application/octet-stream`. */
  contentType?: string | undefined;
  /** The HTML can show the file by `cid:` and this. */
  contentId?: string | undefined;
}

/** A `File` of the browser's, or of Node 20's `node:buffer`, does as it is. */
export type FileInput = Attachable | (Blob & { readonly name: string });

/** Returns the arguments with their `attachments` as they are sent. */
export async function withFiles(params: object): Promise<object> {
  const { attachments } = params as { attachments?: FileInput[] };
  return attachments ? { ...params, attachments: await Promise.all(attachments.map(sent)) } : params;
}

async function sent(file: FileInput): Promise<object> {
  if (typeof file !== 'object' || file === null) {
    throw new TypeError("an attachment is { filename, content } or a File; of a path `fileFromPath` makes one");
  }
  if (isBlob(file)) return { filename: file.name, content: await base64Of(file, file.name), contentType: typeOf(file) };
  const { filename, content, base64, contentType, contentId } = file;
  if ((content === undefined) === (base64 === undefined)) {
    throw new TypeError(`give the attachment ${filename} either content or base64`);
  }
  const inBase64 = base64 ?? (await base64Of(content!, filename));
  return { filename, content: inBase64, contentType: contentType ?? typeOf(content), contentId };
}

/** Returns the type of a Blob: without parameters, which one that was fetched or chosen may have. */
function typeOf(content: unknown): string | undefined {
  return isBlob(content) ? content.type.split(';')[0]!.trim() || undefined : undefined;
}

async function base64Of(content: string | Octets, filename: string): Promise<string> {
  if (isBlob(content)) return encodeBase64(new Uint8Array(await content.arrayBuffer()));
  const whole = octetsOf(content);
  if (whole) return encodeBase64(whole);
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(content) ?? [undefined]) {
    const octets = octetsOf(piece);
    if (!octets) throw new TypeError(`the attachment ${filename} is made of no text, octets, Blob or stream of these`);
    pieces.push(octets);
  }
  return encodeBase64(joined(pieces));
}

/** Told by what it can do: tests and frames have classes of their own, of which `instanceof` knows nothing. */
function isBlob(value: unknown): value is Blob {
  const blob = value as Blob | null | undefined;
  return typeof blob?.arrayBuffer === 'function' && typeof blob.type === 'string';
}

function piecesOf(value: unknown): AsyncIterable<unknown> | Iterable<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Symbol.asyncIterator in value || Symbol.iterator in value) return value as AsyncIterable<unknown>;
  return 'getReader' in value ? readingOf(value as ReadableStream) : undefined;
}

/** Iterates over a stream where streams cannot be iterated over themselves: in Safari. */
async function* readingOf(stream: ReadableStream): AsyncGenerator<unknown> {
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}

function joined(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
