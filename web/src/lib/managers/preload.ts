/** Decisions about what to load, and when. Pure: the player asks, nothing here touches the page. */
import { PRELOAD_AHEAD_MS, PRELOAD_AHEAD_RATIO } from '../../thresholds.ts';
import type { Rendition } from '../api/types.ts';

export interface BufferState {
  positionMs: number;
  durationMs: number;
  /** End of the buffered range around the position. */
  bufferedEndMs: number;
}

/** Whether the current video has enough ahead to give the link to the next one. */
export function mayPreloadNext(state: BufferState): boolean {
  if (!(state.durationMs > 0)) return false;
  const aheadMs = state.bufferedEndMs - state.positionMs;
  // Buffered to the end counts too: a clip of 2 s can never be 3 s ahead.
  if (state.bufferedEndMs >= state.durationMs - 100) return true;
  return aheadMs >= PRELOAD_AHEAD_MS || aheadMs >= state.durationMs * PRELOAD_AHEAD_RATIO;
}

export interface Surroundings {
  /** Width of the stage in CSS pixels, and device pixels per CSS pixel. */
  stageWidth: number;
  pixelRatio: number;
  reducedData: boolean;
  /** From `navigator.connection`, where the browser tells. */
  effectiveType?: string | undefined;
  downlinkMbps?: number | undefined;
  canPlay(codec: string): boolean;
}

/** A picture may be enlarged by this much before it looks soft. */
const UPSCALE_MAX = 1.4;
/** Share of the estimated link a video may take. */
const LINK_SHARE = 0.7;

/**
 * The smallest rendition that is sharp enough and fits the link; without one, the smallest on a
 * slow link and the largest on a fast one. Chosen once per video, before it starts.
 */
export function chooseRendition(renditions: readonly Rendition[], durationMs: number, around: Surroundings): Rendition | null {
  const playable = renditions.filter((rendition) => around.canPlay(rendition.codec)).sort((a, b) => a.bytes - b.bytes);
  const smallest = playable[0];
  if (!smallest) return null;
  const slow = around.effectiveType === '2g' || around.effectiveType === 'slow-2g' || around.effectiveType === '3g';
  if (around.reducedData || slow) return smallest;

  const linkBits = (around.downlinkMbps ?? Infinity) * 1e6 * LINK_SHARE;
  const fits = playable.filter((rendition) => durationMs <= 0 || (rendition.bytes * 8000) / durationMs <= linkBits);
  if (fits.length === 0) return smallest;
  const shortEdgeWanted = (around.stageWidth * around.pixelRatio) / UPSCALE_MAX;
  const sharp = fits.find((rendition) => Math.min(rendition.width, rendition.height) >= shortEdgeWanted);
  return sharp ?? fits[fits.length - 1] ?? smallest;
}

/** The type string a browser understands for a codec name of the API. */
export function mediaType(codec: string): string {
  const known: Record<string, string> = {
    h264: 'avc1.64001f',
    avc: 'avc1.64001f',
    hevc: 'hvc1.1.6.L93.B0',
    h265: 'hvc1.1.6.L93.B0',
    av1: 'av01.0.04M.08',
    vp9: 'vp09.00.31.08',
  };
  return `video/mp4; codecs="${known[codec.toLowerCase()] ?? codec}"`;
}

/** Whether a clip fills the stage by cropping (portrait) or sits on a blurred copy of itself. */
export function fillsStage(video: { width: number | null; height: number | null }, stage: { width: number; height: number }): boolean {
  if (!video.width || !video.height || !stage.width || !stage.height) return true;
  const ratio = video.width / video.height / (stage.width / stage.height);
  // The part that stays visible after cropping to the stage.
  return Math.min(ratio, 1 / ratio) >= 0.76;
}

/** A slot keeps its element for every third video, so that three elements serve any feed. */
export const SLOT_COUNT = 3;
export const slotOf = (index: number): number => ((index % SLOT_COUNT) + SLOT_COUNT) % SLOT_COUNT;
