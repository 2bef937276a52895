import { describe, expect, it } from 'vitest';
import { cropOf, dragged, framingOf, placed, zoomMax } from '../src/lib/studio/place.ts';

const cell = { width: 720, height: 1280 };
const wide = { width: 1920, height: 1080 };
const upright = { width: 360, height: 640 };

/** Where a place of the picture is shown, in shares of the cell. */
const shown = (at: ReturnType<typeof placed>, x: number, y: number) => [at.left + x * at.width, at.top + y * at.height];

describe('a picture in its cell', () => {
  it('fills it exactly where it has its shape', () => {
    expect(placed(upright, cell, null, 'cover')).toMatchObject({ left: 0, top: 0, width: 1, height: 1 });
  });

  it('is cut at the sides to cover, and shown whole to be contained', () => {
    const cover = placed(wide, cell, null, 'cover');
    expect(cover.height).toBeCloseTo(1);
    expect(shown(cover, 0.5, 0.5)[0]).toBeCloseTo(0.5);
    expect(cover.used.width).toBeCloseTo((9 / 16) ** 2);
    const whole = placed(wide, cell, null, 'contain');
    expect([whole.left, whole.width]).toEqual([0, 1]);
    expect(whole.height).toBeCloseTo((9 / 16) ** 2);
    expect(shown(whole, 0.5, 0.5)[1]).toBeCloseTo(0.5);
  });

  it('shows the crop from edge to edge', () => {
    const crop = { x: 0.5, y: 0.25, width: 0.5, height: 0.5 };
    const at = placed(upright, cell, crop, 'cover');
    expect(shown(at, 0.5, 0.25).map((one) => Math.round(one * 1e6))).toEqual([0, 0]);
    expect(shown(at, 1, 0.75).map((one) => Math.round(one * 1e6))).toEqual([1e6, 1e6]);
  });
});

describe('framing', () => {
  it('is nothing where nothing was framed', () => {
    for (const picture of [wide, upright]) expect(cropOf(picture, cell, framingOf(picture, cell, null))).toBeNull();
  });

  it('survives being written down, and stays inside the picture', () => {
    for (const picture of [wide, upright, { width: 500, height: 500 }]) {
      for (const zoom of [1, 1.3, 2.5, zoomMax(picture, cell), 99]) {
        for (const [across, down] of [[0, 1], [0.2, 0.7], [1, 0]] as const) {
          const crop = cropOf(picture, cell, { zoom, across, down });
          if (!crop) continue;
          expect(crop.x + crop.width).toBeLessThanOrEqual(1 + 1e-9);
          expect(crop.y + crop.height).toBeLessThanOrEqual(1 + 1e-9);
          expect(Math.min(crop.width, crop.height)).toBeGreaterThanOrEqual(0.05 - 1e-9);
          const again = framingOf(picture, cell, crop);
          expect(again.zoom).toBeCloseTo(Math.min(zoom, zoomMax(picture, cell)));
          if (crop.width < 0.999) expect(again.across).toBeCloseTo(across);
          if (crop.height < 0.999) expect(again.down).toBeCloseTo(down);
        }
      }
    }
  });

  it('follows the finger', () => {
    const crop = cropOf(upright, cell, { zoom: 2, across: 0.5, down: 0.5 });
    const moved = dragged(upright, cell, crop, { x: 0.1, y: -0.2 });
    const before = shown(placed(upright, cell, crop, 'cover'), 0.5, 0.5);
    const after = shown(placed(upright, cell, moved, 'cover'), 0.5, 0.5);
    expect(after[0]! - before[0]!).toBeCloseTo(0.1);
    expect(after[1]! - before[1]!).toBeCloseTo(-0.2);
    expect(dragged(upright, cell, crop, { x: 9, y: 9 })).toMatchObject({ x: 0, y: 0 });
  });
});
