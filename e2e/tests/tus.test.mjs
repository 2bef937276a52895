/** Resumable uploads with the client most pages use: cut off mid-way, by both ends, and still whole. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Upload } from 'tus-js-client';
import { Api, newHandle } from '../lib/api.mjs';
import { clip } from '../lib/clips.mjs';
import { Gate } from '../lib/gate.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const CHUNK_BYTES = 256 * 1024;
/** Everything that is left in one request. */
const WHOLE = Infinity;

let takt, creator, dir, path, bytes;

before(async () => {
  takt = await Takt.start();
  creator = await Api.signUp(takt.url, newHandle('creator'));
  dir = await mkdtemp(join(tmpdir(), 'takt-tus-'));
  path = join(dir, 'large.mp4');
  // 20 MB: 55 s at the rate that is still published as it is.
  bytes = await clip({ seconds: 55, size: '360x640', kbit: 2850 });
  await writeFile(path, bytes);
});

after(async () => {
  await takt?.close();
  await rm(dir, { recursive: true, force: true });
});

/** Starts or goes on with an upload. `done` resolves to its id; `sent` is how far it is. */
function start(file, options) {
  const state = { sent: 0, url: '', done: null, upload: null };
  state.done = new Promise((resolve, reject) => {
    state.upload = new Upload(file, {
      endpoint: `${takt.url}/api/v1/uploads`,
      uploadSize: bytes.length,
      headers: { authorization: `Bearer ${creator.token}` },
      metadata: { filename: 'large.mp4', filetype: 'video/mp4' },
      retryDelays: null,
      onProgress: (sent) => (state.sent = sent),
      onUploadUrlAvailable: () => (state.url = state.upload.url),
      onSuccess: () => resolve(state.upload.url.split('/').pop()),
      onError: reject,
      ...options,
    });
    state.upload.start();
  });
  state.done.catch(() => undefined);
  return state;
}

/** How many bytes the server says it has. */
async function offset(url) {
  const answer = await fetch(url, { method: 'HEAD', headers: { authorization: `Bearer ${creator.token}`, 'tus-resumable': '1.0.0' } });
  assert.equal(answer.status, 200);
  return Number(answer.headers.get('upload-offset'));
}

test('an upload survives a cut connection and a killed server, byte for byte', async () => {
  assert.ok(bytes.length > 18e6 && bytes.length < 24e6, `about 20 MB: ${bytes.length}`);

  // The connection breaks in the middle of a body.
  const gate = await Gate.open(takt.url, bytes.length / 3);
  const first = start(createReadStream(path), { endpoint: `${gate.url}/api/v1/uploads`, chunkSize: WHOLE });
  await until('a third being sent', () => gate.held);
  gate.cut();
  await assert.rejects(first.done);
  const url = takt.url + new URL(first.url).pathname;
  const kept = await offset(url);
  assert.ok(kept > 0 && kept < bytes.length / 3, `part of it is there: ${kept}`);

  // The server is killed in the middle of the next one; what it acknowledged before must be there after.
  let acknowledged = kept;
  const second = start(createReadStream(path), {
    uploadUrl: url,
    chunkSize: CHUNK_BYTES,
    onChunkComplete: (_, accepted) => (acknowledged = accepted),
  });
  await until('more being acknowledged', () => acknowledged > kept + 4 * CHUNK_BYTES);
  await takt.kill();
  await assert.rejects(second.done);
  await takt.resume();
  const after = await offset(url);
  assert.ok(after >= acknowledged && after < bytes.length, `${after} of ${bytes.length} bytes, ${acknowledged} were acknowledged`);

  const third = start(createReadStream(path), { uploadUrl: url, chunkSize: WHOLE });
  const upload_id = await third.done;
  assert.equal(await offset(url), bytes.length);

  const { video } = await creator.post('/videos', { upload_id, caption: 'In three parts' });
  await creator.ready(video.id);
  const hash = createHash('sha256').update(bytes).digest('hex');
  assert.equal((await creator.get(`/me/sources/${hash}`)).video.id, video.id, 'the server read exactly these bytes');
});

test('a server that goes away and comes back is waited for', async () => {
  const state = start(createReadStream(path), { chunkSize: CHUNK_BYTES, retryDelays: Array(100).fill(100) });
  await until('a part being sent', () => state.sent > bytes.length / 4);
  await takt.kill();
  await takt.resume();
  const id = await state.done;
  assert.equal(await offset(state.url), bytes.length);
  await creator.raw('DELETE', `/uploads/${id}`, undefined, { 'tus-resumable': '1.0.0' });
});

test('a terminated upload leaves nothing behind', async () => {
  const state = start(createReadStream(path), { chunkSize: CHUNK_BYTES });
  await until('a part being sent', () => state.sent > CHUNK_BYTES);
  const id = state.url.split('/').pop();
  await state.upload.abort(true);
  const gone = await fetch(state.url, { method: 'HEAD', headers: { authorization: `Bearer ${creator.token}`, 'tus-resumable': '1.0.0' } });
  assert.ok([404, 410].includes(gone.status), String(gone.status));
  const left = await readdir(join(takt.dir, 'data', 'uploads'));
  assert.ok(!left.includes(id), `${left}`);
});

test('what belongs to somebody else is not there', async () => {
  const state = start(createReadStream(path), { chunkSize: CHUNK_BYTES });
  await until('a part being sent', () => state.sent > CHUNK_BYTES);
  await state.upload.abort();
  const stranger = await Api.signUp(takt.url);
  const headers = { authorization: `Bearer ${stranger.token}`, 'tus-resumable': '1.0.0' };
  assert.equal((await fetch(state.url, { method: 'HEAD', headers })).status, 404);
  assert.equal((await fetch(state.url, { method: 'DELETE', headers })).status, 404);
  assert.ok((await offset(state.url)) > 0);
});
