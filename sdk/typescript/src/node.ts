/** What needs a file system: `import { fileFromPath } from 'daimon-email/node'`. */
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Attachable } from './files.js';

/** Of what agents send; what is not among them is `application/octet-stream`. */
const TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.doc': 'application/msword',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.gif': 'image/gif',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.ics': 'text/calendar',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.pptx': 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.webp': 'image/webp',
  '.xls': 'application/vnd.ms-excel',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  '.xml': 'application/xml',
  '.zip': 'application/zip',
};

/** Returns the file at a path or a `file:` URL, ready to be attached; its name tells its type unless it is given. */
export async function fileFromPath(
  path: string | URL,
  more: Partial<Omit<Attachable, 'content' | 'base64'>> = {},
): Promise<Attachable> {
  const where = path instanceof URL ? fileURLToPath(path) : path;
  const filename = more.filename ?? basename(where);
  const contentType = more.contentType ?? TYPES[extname(filename).toLowerCase()];
  return { ...more, filename, contentType, content: await readFile(where) };
}
