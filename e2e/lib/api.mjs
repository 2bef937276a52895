/** A client of the HTTP API with somebody's token: what the tests put in, and what they look up. */
import { randomUUID } from 'node:crypto';
import { until } from './wait.mjs';

export const PASSWORD = 'a quiet beat in the morning';
const PROCESSING_MS_MAX = 60_000;

export class Api {
  /**
   * @param {string} url
   * @param {string} [token]
   */
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  /** A new account and a client that is signed in as it. */
  static async signUp(url, handle = newHandle()) {
    const made = await new Api(url).post('/accounts', { handle, password: PASSWORD });
    const api = new Api(url, made.token);
    return Object.assign(api, { account: made.account, handle: made.account.handle, codes: made.recovery_codes });
  }

  /** A client without an account. */
  static async viewer(url) {
    const { token } = await new Api(url).post('/viewers', {});
    return new Api(url, token);
  }

  get(path) {
    return this.call('GET', path);
  }

  post(path, body) {
    return this.call('POST', path, body);
  }

  async call(method, path, body) {
    const answer = await this.raw(method, path, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  raw(method, path, body, headers = {}) {
    const init = { method, headers: { ...this.#authorization, ...headers } };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers['content-type'] = 'application/json';
    }
    return fetch(`${this.url}/api/v1${path}`, init);
  }

  /** Uploads a file in one go; gives back the upload's id. */
  async upload(bytes, name = 'clip.mp4') {
    const tus = { ...this.#authorization, 'tus-resumable': '1.0.0' };
    const created = await fetch(`${this.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': `filename ${btoa(name)}` },
    });
    const location = created.headers.get('location');
    if (created.status !== 201 || !location) throw new Error(`creating an upload answered ${created.status}: ${await created.text()}`);
    const sent = await fetch(new URL(location, this.url), {
      method: 'PATCH',
      headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      body: bytes,
    });
    if (sent.status !== 204) throw new Error(`uploading answered ${sent.status}: ${await sent.text()}`);
    return location.split('/').pop();
  }

  /** Uploads and publishes; resolves to the video once it can be played. */
  async publish(bytes, caption) {
    const upload_id = await this.upload(bytes);
    const { video } = await this.post('/videos', { upload_id, caption });
    return this.ready(video.id);
  }

  /** The video, once it is processed. */
  async ready(id) {
    const video = await until(
      `video ${id} being processed`,
      async () => {
        const { video } = await this.get(`/videos/${id}`);
        return video.status !== 'processing' && video;
      },
      PROCESSING_MS_MAX,
    );
    if (video.status !== 'ready') throw new Error(`the video failed: ${JSON.stringify(video.failure)}`);
    return video;
  }

  get #authorization() {
    return this.token ? { authorization: `Bearer ${this.token}` } : {};
  }
}

/** A handle nobody else has. */
export function newHandle(stem = 'viewer') {
  return `${stem}_${randomUUID().slice(0, 8)}`;
}
