// A server that answers by script.
import { createServer } from 'node:http';
import { DaimonClient } from 'daimon-email';

/** Runs a test against a server that answers one request after the other; null breaks the connection. */
export async function scripted(script, use) {
  const asked = [];
  const left = [...script];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body, at: performance.now() });
    const answer = left.shift();
    if (!answer) return request.socket.destroy();
    response.writeHead(answer.status, { Connection: 'close', ...answer.headers });
    if (!answer.breaks) return response.end(answer.body);
    response.write(answer.body, () => request.socket.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  try {
    await use((options = {}) => new DaimonClient({ baseUrl, apiKey: 'dm_free_x', ...options }), asked);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

export const json = (status, body, headers = {}) => ({ status, headers, body: JSON.stringify(body) });
export const result = (fields) => json(200, { result: fields, next_steps: ['next'] });
export const failure = (status, error, more = {}, headers = {}) =>
  json(status, { error, message: error, next_steps: [], request_id: 'req_1', ...more }, headers);
export const NOW = { 'Retry-After': '0' };
