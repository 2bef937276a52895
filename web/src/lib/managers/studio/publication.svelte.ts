/** From "publish" to a video that plays: hands over, then follows what the server does with it. */
import { addresses, api, ApiError } from '../../api/client.ts';
import type { ProgressUpdate, Video } from '../../api/types.ts';
import { errorText, failureText } from '../../errors.ts';
import { words } from '../../i18n/studio/index.ts';
import { project } from './project.svelte.ts';

export type PublicationPhase = 'form' | 'sending' | 'processing' | 'scheduled' | 'ready' | 'failed';

const POLL_MS = 2000;

export class Publication {
  phase = $state<PublicationPhase>('form');
  problem = $state('');
  /** The server's word for the problem. */
  code = $state('');
  percent = $state(0);
  stage = $state('queued');
  videoId = $state('');
  video = $state.raw<Video | null>(null);
  publishAt = $state('');

  private stream: EventSource | null = null;
  private timer = 0;

  async publish(): Promise<void> {
    this.phase = 'sending';
    this.problem = '';
    this.code = '';
    try {
      const { publishAt } = project.form;
      this.videoId = await project.publish();
      this.publishAt = publishAt;
      await project.done();
      this.phase = publishAt ? 'scheduled' : 'processing';
      if (!publishAt) this.follow(this.videoId);
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Has the published video play this edit; answers its id once the server has the work, or nothing where it refused. */
  async replace(): Promise<string> {
    this.phase = 'sending';
    this.problem = '';
    this.code = '';
    try {
      const video = await project.replace();
      await project.done();
      return video;
    } catch (error) {
      this.refuse(error);
      return '';
    }
  }

  private refuse(error: unknown): void {
    this.phase = 'form';
    this.code = error instanceof ApiError ? error.code : '';
    const own = (words.m.publish.refused as Record<string, string>)[this.code];
    this.problem = own ?? errorText(error);
  }

  close(): void {
    this.stream?.close();
    this.stream = null;
    clearTimeout(this.timer);
  }

  private follow(id: string): void {
    const stream = new EventSource(addresses.progress(id));
    this.stream = stream;
    stream.addEventListener('progress', (event) => this.apply(JSON.parse((event as MessageEvent<string>).data) as ProgressUpdate));
    stream.onerror = () => {
      // The browser reconnects by itself unless the server refused; then asking does.
      if (stream.readyState === EventSource.CLOSED) this.poll(id);
    };
  }

  private poll(id: string): void {
    this.timer = window.setTimeout(async () => {
      const found = await api.video(id).catch(() => null);
      if (found) this.apply({ status: found.video.status, progress: found.video.progress ?? null, video: found.video });
      if (this.phase === 'processing') this.poll(id);
    }, POLL_MS);
  }

  private apply(update: ProgressUpdate): void {
    if (update.video) this.video = update.video;
    if (update.status === 'processing') {
      this.percent = Math.max(this.percent, update.progress?.percent ?? 0);
      this.stage = update.progress?.stage ?? this.stage;
      return;
    }
    this.close();
    this.phase = update.status;
    if (update.status === 'failed') this.problem = failureText(update.video?.failure ?? this.video?.failure);
  }
}
