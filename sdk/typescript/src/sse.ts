/** Reading server-sent events (WHATWG HTML §9.2.6). */
import { later } from './waiting.js';

/** The fields of what stands between two empty lines. */
export interface Block {
  event?: string;
  id?: string;
  data?: string;
}

/**
 * Yields what a connection says, block by block, up to its end; a block that breaks off in the middle is none.
 *
 * `stop` is called after so many milliseconds of silence: it has to end the connection.
 */
export async function* blocksOf(
  body: ReadableStream<Uint8Array>,
  silence: number,
  stop: () => void,
): AsyncGenerator<Block> {
  let block: Block = {};
  for await (const line of linesOf(body, silence, stop)) {
    if (line) {
      const [, name, value] = /^([^:]*):? ?([^]*)$/.exec(line) as unknown as [string, string, string];
      if (name === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`;
      else if (name === 'event' || name === 'id') block[name] = value;
      continue;
    }
    yield block;
    block = {};
  }
}

/** Yields lines. A line feed ends one, or CR LF: text may hold what else Unicode takes for the end. */
async function* linesOf(body: ReadableStream<Uint8Array>, silence: number, stop: () => void): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let endWatch = later(silence, stop);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      endWatch();
      endWatch = later(silence, stop);
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
  } catch {
    return; // the connection was lost
  } finally {
    endWatch();
    reader.cancel().catch(() => undefined);
  }
}
