/** What a creator does for a video that is published: calls and shapes, outside the first load. */
import { request, segment } from './client.ts';
import { fetchBlob, type Consent } from './studio.ts';
import type { Video } from './types.ts';

export interface VideoChange {
  caption?: string;
  language?: string | null;
  ai_generated?: boolean;
  poster_ms?: number;
  alt_text?: string;
  unlisted?: boolean;
  sound_consent?: Consent;
  reuse_consent?: Consent;
  reuse_on_revoke?: 'keep' | 'mute';
}

export interface Changed {
  at: string;
  field: string;
  before: string;
  after: string;
}

const captions = (id: string, language: string) => `/videos/${segment(id)}/captions/${segment(language)}`;

export const care = {
  change: (id: string, body: VideoChange) => request<{ video: Video }>('PATCH', `/videos/${segment(id)}`, { body }),
  history: (id: string) => request<{ changes: Changed[] }>('GET', `/videos/${segment(id)}/history`),
  captions: async (url: string): Promise<string> => (await fetchBlob(url)).text(),
  putCaptions: (id: string, language: string, file: string) =>
    request<void>('PUT', captions(id, language), { text: { type: 'text/vtt', body: file } }),
  removeCaptions: (id: string, language: string) => request<void>('DELETE', captions(id, language)),
};
