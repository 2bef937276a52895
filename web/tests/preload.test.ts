import { describe, expect, it } from 'vitest';
import type { Rendition } from '../src/lib/api/types.ts';
import { chooseRendition, fillsStage, mayPreloadNext, mediaType, slotOf, type Surroundings } from '../src/lib/managers/preload.ts';

const at = (positionMs: number, bufferedEndMs: number, durationMs: number) => mayPreloadNext({ positionMs, bufferedEndMs, durationMs });

describe('preload decision', () => {
  it('waits for 3 s or 25 % ahead, whichever comes first', () => {
    expect(at(0, 2900, 30_000)).toBe(false);
    expect(at(0, 3000, 30_000)).toBe(true);
    expect(at(0, 1900, 8000)).toBe(false);
    expect(at(0, 2000, 8000)).toBe(true);
    expect(at(10_000, 12_000, 30_000)).toBe(false);
  });

  it('does not wait for what cannot come', () => {
    expect(at(9500, 10_000, 10_000)).toBe(true);
    expect(at(0, 0, 0)).toBe(false);
    expect(at(0, 0, Number.NaN)).toBe(false);
  });
});

const rung = (short: number, bytes: number, codec = 'h264'): Rendition => ({
  url: `/${codec}-${short}.mp4`,
  width: short,
  height: (short * 16) / 9,
  codec,
  bytes,
});
const ladder = [rung(540, 1_000_000), rung(720, 2_000_000), rung(1080, 5_000_000)];
const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  stageWidth: 390,
  pixelRatio: 1,
  reducedData: false,
  canPlay: (codec) => codec === 'h264',
  ...more,
});
const chosen = (more: Partial<Surroundings> = {}, renditions = ladder, durationMs = 10_000) =>
  chooseRendition(renditions, durationMs, around(more))?.url;

describe('choice of rendition', () => {
  it('takes the smallest that is sharp enough', () => {
    expect(chosen()).toBe('/h264-540.mp4');
    expect(chosen({ pixelRatio: 2.5 })).toBe('/h264-720.mp4');
    expect(chosen({ stageWidth: 480, pixelRatio: 3 })).toBe('/h264-1080.mp4');
  });

  it('takes the best there is when none is sharp enough', () => {
    expect(chosen({ stageWidth: 1200, pixelRatio: 3 })).toBe('/h264-1080.mp4');
  });

  it('spares the data of those who ask for it, and slow links', () => {
    expect(chosen({ reducedData: true, pixelRatio: 3 })).toBe('/h264-540.mp4');
    expect(chosen({ effectiveType: '3g', pixelRatio: 3 })).toBe('/h264-540.mp4');
    // 1080p is 4 Mbit/s, 720p is 1.6.
    expect(chosen({ downlinkMbps: 3, pixelRatio: 3 })).toBe('/h264-720.mp4');
    expect(chosen({ downlinkMbps: 0.1, pixelRatio: 3 })).toBe('/h264-540.mp4');
  });

  it('takes only what the browser plays', () => {
    const mixed = [rung(540, 500_000, 'av1'), ...ladder];
    expect(chosen({}, mixed)).toBe('/h264-540.mp4');
    expect(chosen({ canPlay: () => true }, mixed)).toBe('/av1-540.mp4');
    expect(chooseRendition([rung(540, 1, 'hevc')], 1000, around())).toBeNull();
    expect(chooseRendition([], 1000, around())).toBeNull();
  });

  it('names codecs so that browsers understand', () => {
    expect(mediaType('av1')).toContain('av01');
    expect(mediaType('vp09.00.31.08')).toBe('video/mp4; codecs="vp09.00.31.08"');
  });
});

describe('stage', () => {
  it('crops portrait a little and sets landscape on a blurred copy', () => {
    const phone = { width: 390, height: 792 };
    expect(fillsStage({ width: 720, height: 1280 }, phone)).toBe(true);
    expect(fillsStage({ width: 1280, height: 720 }, phone)).toBe(false);
    expect(fillsStage({ width: 720, height: 720 }, phone)).toBe(false);
    expect(fillsStage({ width: null, height: null }, phone)).toBe(true);
  });

  it('gives neighbours different elements', () => {
    for (let i = -5; i < 20; i += 1) {
      expect(new Set([slotOf(i - 1), slotOf(i), slotOf(i + 1)]).size).toBe(3);
      expect(slotOf(i)).toBe(slotOf(i + 3));
    }
  });
});
