/** Checks a file before a byte of it is sent. Pure; the server checks again and has the last word. */
import type { Config } from '../api/types.ts';

export type Rejection =
  | { kind: 'empty' }
  | { kind: 'not-video' }
  | { kind: 'too-big'; is: number; max: number }
  | { kind: 'too-long'; is: number; max: number }
  | { kind: 'too-short'; is: number; min: number };

export interface Candidate {
  name: string;
  type: string;
  bytes: number;
  /** Null where the browser cannot tell. */
  durationMs: number | null;
}

const EXTENSIONS = /\.(mp4|m4v|mov|webm|mkv|3gp|3g2|avi|ts)$/i;
/** Containers round to whole frames: a clip cut at the limit may be this much over it. */
const DURATION_SLACK_MS = 100;

export function checkFile(file: Candidate, config: Config | null): Rejection | null {
  if (file.bytes === 0) return { kind: 'empty' };
  if (!file.type.startsWith('video/') && !EXTENSIONS.test(file.name)) return { kind: 'not-video' };
  if (!config) return null;
  const { bytes_max, duration_max_ms, duration_min_ms } = config.video;
  if (file.bytes > bytes_max) return { kind: 'too-big', is: file.bytes, max: bytes_max };
  if (file.durationMs === null) return null;
  if (file.durationMs > duration_max_ms + DURATION_SLACK_MS) {
    return { kind: 'too-long', is: file.durationMs, max: duration_max_ms };
  }
  if (file.durationMs < duration_min_ms) return { kind: 'too-short', is: file.durationMs, min: duration_min_ms };
  return null;
}
