/**
 * The only place that talks HTTP. One function per call of the contract; every failure is an
 * `ApiError`, also when there was no answer at all (code `network`).
 */
import type {
  Account,
  ClientEvent,
  Config,
  FeedKind,
  FeedPage,
  Problem,
  PublicAccount,
  Session,
  Video,
  VideoPage,
} from './types.ts';

export const BASE = '/api/v1';

export class ApiError extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  /** The server's sentence, empty when there is none. */
  readonly detail: string;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    this.status = status;
    this.code = problem.code ?? (status === 0 ? 'network' : `http_${status}`);
    this.detail = problem.detail ?? problem.title ?? '';
    this.field = problem.field;
  }

  /** Whether the same request may succeed later without being changed. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

interface Options {
  body?: unknown;
  /** Instead of JSON. */
  text?: { type: string; body: string };
  keepalive?: boolean;
  signal?: AbortSignal;
}

/** One call under `/api/v1`. For the modules of this folder only. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const init: RequestInit = { method, credentials: 'same-origin', headers: { accept: 'application/json' } };
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  if (options.text) {
    init.body = options.text.body;
    init.headers = { ...init.headers, 'content-type': options.text.type };
  }
  if (options.keepalive) init.keepalive = true;
  if (options.signal) init.signal = options.signal;

  let response: Response;
  try {
    response = await fetch(BASE + path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, {});
  }
  if (!response.ok) {
    throw new ApiError(response.status, await response.json().catch(() => ({})));
  }
  if (response.status === 204 || response.headers.get('content-length') === '0') return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(0, {});
  }
}

export function query(values: Record<string, string | number | null | undefined>): string {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return entries.length ? `?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)]))}` : '';
}

export const segment = encodeURIComponent;

export const api = {
  // Who is watching.
  currentSession: () => request<{ account: Account | null }>('GET', '/sessions/current'),
  signUp: (handle: string, password: string) =>
    request<{ account: Account; recovery_codes: string[] }>('POST', '/accounts', { body: { handle, password } }),
  signIn: (handle: string, password: string) =>
    request<{ account: Account }>('POST', '/sessions', { body: { handle, password } }),
  signOut: () => request<void>('DELETE', '/sessions/current'),
  sessions: () => request<{ sessions: Session[] }>('GET', '/sessions'),
  signOutEverywhere: () => request<void>('DELETE', '/sessions'),
  recover: (handle: string, recovery_code: string, password: string) =>
    request<{ account: Account }>('POST', '/accounts/recovery', { body: { handle, recovery_code, password } }),
  changePassword: (current_password: string, password: string) =>
    request<void>('PUT', '/me/password', { body: { current_password, password } }),
  deleteAccount: (password: string) => request<void>('DELETE', '/me', { body: { password } }),

  // Feeds and what comes back from them.
  feed: (kind: FeedKind, limit: number, cursor?: string) => request<FeedPage>('GET', `/feeds/${kind}${query({ cursor, limit })}`),
  sendEvents: (events: ClientEvent[]) =>
    request<{ accepted: number; duplicate: number }>('POST', '/events', { body: { events }, keepalive: true }),

  // Videos.
  video: (id: string) => request<{ video: Video }>('GET', `/videos/${segment(id)}`),
  publish: (body: {
    upload_id: string;
    caption: string;
    language?: string;
    ai_generated?: boolean;
    poster_ms?: number;
  }) => request<{ video: Video }>('POST', '/videos', { body }),
  editVideo: (id: string, body: { caption?: string; poster_ms?: number }) =>
    request<{ video: Video }>('PATCH', `/videos/${segment(id)}`, { body }),
  deleteVideo: (id: string) => request<void>('DELETE', `/videos/${segment(id)}`, { keepalive: true }),
  like: (id: string) => request<void>('PUT', `/videos/${segment(id)}/like`, { keepalive: true }),
  unlike: (id: string) => request<void>('DELETE', `/videos/${segment(id)}/like`, { keepalive: true }),

  // Profiles.
  account: (handle: string) => request<PublicAccount>('GET', `/accounts/${segment(handle)}`),
  accountVideos: (handle: string, limit: number, cursor?: string) =>
    request<VideoPage>('GET', `/accounts/${segment(handle)}/videos${query({ cursor, limit })}`),

  follow: (handle: string, followed: boolean) => request<void>(followed ? 'PUT' : 'DELETE', `/accounts/${segment(handle)}/follow`, { keepalive: true }),

  config: () => request<Config>('GET', '/config'),
};

export type Api = typeof api;

/** Addresses for the protocols that are not plain requests: event stream, resumable upload, beacon. */
export const addresses = {
  progress: (id: string) => `${BASE}/videos/${segment(id)}/progress`,
  uploads: `${BASE}/uploads`,
  events: `${BASE}/events`,
};
