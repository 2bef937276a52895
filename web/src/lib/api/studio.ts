/** Sounds and drafts: calls and shapes, outside the first load. */
import type { EditList } from '../studio/edit.ts';
import { ApiError, BASE, query, request, segment } from './client.ts';
import type { Account, Video, VideoPage } from './types.ts';

export type Consent = 'nobody' | 'followers' | 'everyone';
export const CONSENTS: readonly Consent[] = ['everyone', 'followers', 'nobody'];

export const LICENCES = ['all_rights_reserved', 'cc_by', 'cc_by_sa', 'cc_by_nc', 'cc0'] as const;

export interface Tempo {
  bpm: number;
  /** 0 to 1. */
  confidence: number;
  beats_ms: number[];
}

export interface Sound {
  id: string;
  title: string;
  creator: Account | null;
  credit: string;
  licence: string;
  source_url?: string | null;
  duration_ms: number;
  /** Null until there is something to hear. */
  audio_url: string | null;
  original_video_id?: string | null;
  consent: Consent;
  on_revoke: 'keep' | 'mute';
  /** Whether this viewer may make a video with it. */
  may_use: boolean;
  saved: boolean;
  video_count: number;
  /** Loudness, 0 to 255, ten a second. */
  peaks: number[];
  tempo: Tempo | null;
}

export interface SoundPage {
  items: Sound[];
  cursor?: string | null;
}

export interface Draft {
  id: string;
  title: string;
  edit: EditList;
  revision: number;
  updated_at: string;
  /** The video being made of it. */
  video_id?: string;
  /** The published video whose edit list it began with. */
  edit_of?: string;
}

export interface Font {
  family: string;
  url: string;
}

/** A new edit on its way into a published video. */
export interface Replacement {
  draft_id: string;
  progress?: { stage: string; percent: number };
  /** Why the video stayed as it was. */
  failure?: { code: string; message: string };
}

export interface PublishFields {
  caption: string;
  language?: string;
  ai_generated?: boolean;
  alt_text?: string;
  sound_consent?: Consent;
  reuse_consent?: Consent;
  /** RFC 3339; where it is absent, at once. */
  publish_at?: string;
}

export const studio = {
  settings: () => request<{ fonts: Font[] }>('GET', '/studio'),
  sounds: (words: string, cursor?: string) => request<SoundPage>('GET', `/sounds${query({ query: words, cursor, limit: 20 })}`),
  savedSounds: () => request<SoundPage>('GET', '/sounds/saved'),
  sound: async (id: string): Promise<Sound> => {
    const answer = await request<Sound | { sound: Sound }>('GET', `/sounds/${segment(id)}`);
    return 'sound' in answer ? answer.sound : answer;
  },
  soundVideos: (id: string, cursor?: string) => request<VideoPage>('GET', `/sounds/${segment(id)}/videos${query({ cursor })}`),
  saveSound: (id: string, saved: boolean) => request<void>(saved ? 'PUT' : 'DELETE', `/sounds/${segment(id)}/save`),
  changeSound: (id: string, body: { title?: string; credit?: string; licence?: string; consent?: Consent; on_revoke?: 'keep' | 'mute' }) =>
    request<unknown>('PATCH', `/sounds/${segment(id)}`, { body }),

  drafts: () => request<{ items: Draft[] }>('GET', '/drafts'),
  draft: (id: string) => request<{ draft: Draft }>('GET', `/drafts/${segment(id)}`),
  createDraft: (edit: EditList, title: string) => request<{ draft: Draft }>('POST', '/drafts', { body: { edit, title } }),
  saveDraft: (id: string, edit: EditList, title: string, revision: number) =>
    request<{ draft: Draft }>('PUT', `/drafts/${segment(id)}`, { body: { edit, title, revision } }),
  deleteDraft: (id: string) => request<void>('DELETE', `/drafts/${segment(id)}`),
  publishDraft: (id: string, body: PublishFields) => request<{ video: Pick<Video, 'id' | 'status'> }>('POST', `/drafts/${segment(id)}/publish`, { body }),
  replacement: (videoId: string) => request<{ replacement: Replacement | null }>('GET', `/videos/${segment(videoId)}/edit`),
  replaceEdit: (videoId: string, draftId: string) => request<unknown>('PUT', `/videos/${segment(videoId)}/edit`, { body: { draft_id: draftId } }),
  withdrawEdit: (videoId: string) => request<void>('DELETE', `/videos/${segment(videoId)}/edit`),
  editAgain: (videoId: string) => request<{ draft: Draft }>('POST', `/videos/${segment(videoId)}/edit`),
};

/** A source of a draft made on another device. */
export const sourceAddress = (draftId: string, uploadId: string): string => `${BASE}/drafts/${segment(draftId)}/sources/${segment(uploadId)}`;

/** The bytes behind an address of the server's own. */
export async function fetchBlob(url: string): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin' });
  } catch {
    throw new ApiError(0, {});
  }
  if (!response.ok) throw new ApiError(response.status, {});
  return response.blob();
}
