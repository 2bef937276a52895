/**
 * One video on its way: picked, checked, sent (resumable), published, processed. Lives outside
 * any page, so that leaving one does not stop it; file and text survive a reload.
 */
import { Upload as TusUpload, type DetailedError } from 'tus-js-client';
import { addresses, api, ApiError } from '../api/client.ts';
import type { Config, Problem, ProgressUpdate, Video } from '../api/types.ts';
import { errorText, failureText } from '../errors.ts';
import { checkFile, type Rejection } from './checks.ts';
import { drafts } from './drafts.ts';
import { session } from './session.svelte.ts';

export type UploadPhase =
  | 'empty'
  | 'checking'
  | 'rejected'
  /** Needs an account, or the connection, before it can go on. */
  | 'held'
  | 'uploading'
  | 'uploaded'
  | 'processing'
  | 'ready'
  | 'failed';

const RETRY_DELAYS_MS = [0, 1000, 3000, 5000, 10_000, 20_000];
const HELD_RETRY_MS = 15_000;
const POLL_MS = 3000;

class UploadManager {
  phase = $state<UploadPhase>('empty');
  config = $state.raw<Config | null>(null);
  file = $state.raw<File | null>(null);
  previewUrl = $state('');
  previewable = $state(true);
  durationMs = $state<number | null>(null);
  rejection = $state.raw<Rejection | null>(null);
  /** Why it failed, as a sentence. */
  problem = $state('');

  caption = $state('');
  language = $state('');
  aiGenerated = $state(false);
  posterMs = $state<number | null>(null);
  publishWanted = $state(false);

  sentBytes = $state(0);
  resumed = $state(false);
  video = $state.raw<Video | null>(null);
  /** 0 to 100 over all processing, as the server tells it. It is live before 100. */
  processed = $state(0);
  stage = $state<string>('queued');

  private tus: TusUpload | null = null;
  private uploadId: string | null = null;
  private stream: EventSource | null = null;
  private timer = 0;

  constructor() {
    addEventListener('online', () => this.carryOn());
    session.onChange((change) => (change === 'signed-out' ? this.hold() : this.carryOn()));
    void this.restore();
  }

  get sentRatio(): number {
    return this.file && this.file.size > 0 ? this.sentBytes / this.file.size : this.uploadId ? 1 : 0;
  }

  async loadConfig(): Promise<void> {
    if (this.config) return;
    this.config = await api.config().catch(() => null);
  }

  async pick(file: File): Promise<void> {
    await this.discard({ keepText: true });
    this.phase = 'checking';
    this.file = file;
    this.previewUrl = URL.createObjectURL(file);
    const [facts] = await Promise.all([probe(this.previewUrl), this.loadConfig()]);
    if (this.file !== file) return;
    this.durationMs = facts.durationMs;
    this.previewable = facts.previewable;
    const candidate = { name: file.name, type: file.type, bytes: file.size, durationMs: facts.durationMs };
    this.rejection = checkFile(candidate, this.config);
    if (this.rejection) {
      this.phase = 'rejected';
      return;
    }
    this.save();
    void drafts.saveFile(file);
    this.start();
  }

  /** Publishes now, or as soon as the last byte is there. */
  async publish(): Promise<void> {
    this.publishWanted = true;
    this.problem = '';
    this.save();
    if (this.uploadId === null || this.phase !== 'uploaded') return;
    try {
      const { video } = await api.publish({
        upload_id: this.uploadId,
        caption: this.caption.trim(),
        ...(this.language ? { language: this.language } : {}),
        ai_generated: this.aiGenerated,
        ...(this.posterMs !== null ? { poster_ms: Math.round(this.posterMs) } : {}),
      });
      this.follow(video);
    } catch (error) {
      this.publishWanted = false;
      this.problem = errorText(error);
      // The upload may have expired on the server: the file is still here, send it again.
      if (error instanceof ApiError && error.status === 404) this.uploadId = null;
      this.save();
    }
  }

  /** Tries again after a failure, with the same file where it is still here. */
  retry(): void {
    const { file } = this;
    this.stopAll();
    this.video = null;
    this.uploadId = null;
    this.problem = '';
    if (file) this.start();
    else this.phase = 'empty';
  }

  async discard(options: { keepText?: boolean } = {}): Promise<void> {
    const { tus } = this;
    this.stopAll();
    if (tus && !this.video) void tus.abort(true).catch(() => undefined);
    if (this.previewUrl) URL.revokeObjectURL(this.previewUrl);
    this.phase = 'empty';
    this.file = null;
    this.previewUrl = '';
    this.durationMs = null;
    this.rejection = null;
    this.problem = '';
    this.posterMs = null;
    this.publishWanted = false;
    this.sentBytes = 0;
    this.resumed = false;
    this.uploadId = null;
    this.video = null;
    this.processed = 0;
    if (!options.keepText) {
      this.caption = '';
      this.language = '';
      this.aiGenerated = false;
    }
    await drafts.clear();
  }

  /** What was typed is kept with every change. */
  save(): void {
    drafts.saveFields({
      caption: this.caption,
      language: this.language,
      aiGenerated: this.aiGenerated,
      posterMs: this.posterMs,
      publishWanted: this.publishWanted,
      uploadId: this.uploadId,
      videoId: this.video?.id ?? null,
    });
  }

  private async restore(): Promise<void> {
    const fields = drafts.fields();
    if (!fields) return;
    this.caption = fields.caption;
    this.language = fields.language;
    this.aiGenerated = fields.aiGenerated;
    this.posterMs = fields.posterMs;
    this.publishWanted = fields.publishWanted;
    this.uploadId = fields.uploadId;
    if (fields.videoId) {
      const found = await api.video(fields.videoId).catch(() => null);
      if (found) this.follow(found.video);
      else await this.discard();
      return;
    }
    const file = await drafts.file();
    if (!file || this.file) return;
    this.file = file;
    this.previewUrl = URL.createObjectURL(file);
    const [facts] = await Promise.all([probe(this.previewUrl), this.loadConfig()]);
    this.durationMs = facts.durationMs;
    this.previewable = facts.previewable;
    if (this.uploadId) this.finished(this.uploadId);
    else this.start();
  }

  private start(): void {
    const { file } = this;
    if (!file) return;
    clearTimeout(this.timer);
    if (!session.account) {
      this.hold();
      return;
    }
    this.phase = 'uploading';
    const upload = new TusUpload(file, {
      endpoint: addresses.uploads,
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, filetype: file.type },
      onProgress: (sent) => (this.sentBytes = sent),
      onSuccess: () => this.finished(upload.url?.split('/').pop() ?? ''),
      onError: (error) => this.interrupted(error),
    });
    this.tus = upload;
    void upload.findPreviousUploads().then((previous) => {
      const last = previous[0];
      if (last) {
        upload.resumeFromPreviousUpload(last);
        this.resumed = true;
      }
      if (this.tus === upload) upload.start();
    });
  }

  private finished(uploadId: string): void {
    this.uploadId = uploadId;
    this.sentBytes = this.file?.size ?? 0;
    this.phase = 'uploaded';
    this.tus = null;
    this.save();
    if (this.publishWanted) void this.publish();
  }

  private interrupted(error: Error | DetailedError): void {
    this.tus = null;
    const answer = 'originalResponse' in error ? error.originalResponse : null;
    const status = answer?.getStatus() ?? 0;
    if (status === 401) {
      this.hold();
    } else if (status >= 400 && status < 500 && status !== 409 && status !== 423 && status !== 429) {
      this.phase = 'failed';
      this.problem = problemText(answer?.getBody() ?? '', status);
    } else {
      this.hold();
      this.timer = window.setTimeout(() => this.carryOn(), HELD_RETRY_MS);
    }
  }

  private hold(): void {
    void this.tus?.abort().catch(() => undefined);
    this.tus = null;
    if (this.file && (this.phase === 'uploading' || this.phase === 'checking' || this.phase === 'empty')) this.phase = 'held';
  }

  private carryOn(): void {
    if (this.phase === 'held') this.start();
  }

  private follow(video: Video): void {
    this.video = video;
    this.save();
    this.apply({ status: video.status, progress: video.progress ?? null, video });
    if (video.status !== 'processing') return;
    this.stream?.close();
    const stream = new EventSource(addresses.progress(video.id));
    this.stream = stream;
    stream.addEventListener('progress', (event) => this.apply(JSON.parse((event as MessageEvent<string>).data) as ProgressUpdate));
    stream.onerror = () => {
      // The browser reconnects by itself unless the server refused; then asking does.
      if (stream.readyState === EventSource.CLOSED) this.poll(video.id);
    };
  }

  private poll(id: string): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(async () => {
      if (this.video?.id !== id || this.phase !== 'processing') return;
      const found = await api.video(id).catch(() => null);
      if (found) this.apply({ status: found.video.status, progress: found.video.progress ?? null, video: found.video });
      this.poll(id);
    }, POLL_MS);
  }

  private apply(update: ProgressUpdate): void {
    if (update.video) this.video = update.video;
    if (update.status === 'processing') {
      this.phase = 'processing';
      this.stage = update.progress?.stage ?? 'queued';
      this.processed = Math.max(this.processed, update.progress?.percent ?? 0);
      return;
    }
    this.stream?.close();
    this.stream = null;
    clearTimeout(this.timer);
    void drafts.clear();
    if (update.status === 'ready') {
      this.phase = 'ready';
      this.processed = 100;
      return;
    }
    this.phase = 'failed';
    this.problem = failureText(update.video?.failure ?? this.video?.failure);
  }

  private stopAll(): void {
    clearTimeout(this.timer);
    void this.tus?.abort().catch(() => undefined);
    this.tus = null;
    this.stream?.close();
    this.stream = null;
  }
}

function problemText(body: string, status: number): string {
  try {
    return errorText(new ApiError(status, JSON.parse(body) as Problem));
  } catch {
    return errorText(new ApiError(status, {}));
  }
}

/** Length of a local file, and whether this browser can show it. */
function probe(url: string): Promise<{ durationMs: number | null; previewable: boolean }> {
  return new Promise((resolve) => {
    const video = document.createElement('video');
    const done = (previewable: boolean) => {
      const known = Number.isFinite(video.duration) && video.duration > 0;
      resolve({ durationMs: known ? video.duration * 1000 : null, previewable });
      video.removeAttribute('src');
      video.load();
    };
    video.preload = 'metadata';
    video.muted = true;
    video.onloadedmetadata = () => done(video.videoWidth > 0);
    video.onerror = () => done(false);
    video.src = url;
  });
}

export const uploads = new UploadManager();
