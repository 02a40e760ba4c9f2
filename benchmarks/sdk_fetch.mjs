// What a call of the TypeScript client costs beside the same by `fetch` alone: node sdk_fetch.mjs PACKAGE API KEY INBOX ROUNDS CALLS
const [, , pack, api, key, inbox, rounds, calls] = process.argv;
const { DaimonClient } = await import(pack);
const client = new DaimonClient({ baseUrl: api, apiKey: key });
const headers = { Authorization: `Bearer ${key}` };

async function bare(path, init = {}) {
  const response = await fetch(api + path, { ...init, headers: { ...headers, ...init.headers } });
  if (!response.ok) throw new Error(String(response.status));
  return (await response.json()).result;
}

const body = () => ({
  method: 'PATCH',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ display_name: 'Ada' }),
});
const ways = {
  get: [() => client.inboxes.get(inbox), () => bare(`/v1/inboxes/${inbox}`)],
  list: [() => client.inboxes.list({ limit: 50 }), () => bare('/v1/inboxes?limit=50')],
  update: [() => client.inboxes.update(inbox, { displayName: 'Ada' }), () => bare(`/v1/inboxes/${inbox}`, body())],
};

async function seconds(call) {
  const began = performance.now();
  for (let n = 0; n < Number(calls); n++) await call();
  return (performance.now() - began) / 1000 / Number(calls);
}

const figures = {};
for (const [name, [ours, theirs]] of Object.entries(ways)) {
  await seconds(ours);
  await seconds(theirs);
  figures[name] = { ours: [], theirs: [] };
  for (let round = 0; round < Number(rounds); round++) {
    figures[name].ours.push(await seconds(ours));
    figures[name].theirs.push(await seconds(theirs));
  }
}
console.log(JSON.stringify(figures));
