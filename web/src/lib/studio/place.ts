/**
 * Where a picture lies in its cell of the canvas: crop first, then fit, by the server's sums. Pure.
 * Sizes are in pixels of whatever scale, places are shares.
 */
import { clamp, type EditList, type Fit, type Segment } from './edit.ts';

export interface Size {
  width: number;
  height: number;
}

export type Crop = NonNullable<Segment['crop']>;

const WHOLE: Crop = { x: 0, y: 0, width: 1, height: 1 };
/** Narrower and lower than this the server refuses. */
const CROP_MIN = 0.05;
export const ZOOM_MAX = 4;

/** The cell of one's own picture. */
export function cellOf(edit: Pick<EditList, 'canvas' | 'layout'>): Size {
  const { width, height } = edit.canvas;
  if (edit.layout.kind === 'side_by_side') return { width: width / 2, height };
  if (edit.layout.kind === 'stacked') return { width, height: height / 2 };
  return { width, height };
}

const shapeOf = (size: Size): number => size.width / size.height;

export interface Placed {
  /** The whole picture, in shares of the cell; what is outside of `used` is not shown. */
  left: number;
  top: number;
  width: number;
  height: number;
  /** The part of the picture that is shown. */
  used: Crop;
}

export function placed(picture: Size, cell: Size, crop: Crop | null, fit: Fit): Placed {
  const used = fit === 'cover' ? narrowed(picture, cell, crop ?? WHOLE) : (crop ?? WHOLE);
  const [across, down] = [picture.width * used.width, picture.height * used.height];
  const scale = Math.min(cell.width / across, cell.height / down);
  const [width, height] = [(picture.width * scale) / cell.width, (picture.height * scale) / cell.height];
  return {
    left: (1 - width * used.width) / 2 - used.x * width,
    top: (1 - height * used.height) / 2 - used.y * height,
    ...{ width, height, used },
  };
}

/** The middle of a part of a picture that has the cell's shape. */
function narrowed(picture: Size, cell: Size, { x, y, width, height }: Crop): Crop {
  const shape = (shapeOf(picture) * width) / height;
  const wanted = shapeOf(cell);
  if (shape > wanted) {
    const narrow = (width * wanted) / shape;
    return { x: x + (width - narrow) / 2, y, width: narrow, height };
  }
  const low = (height * shape) / wanted;
  return { x, y: y + (height - low) / 2, width, height: low };
}

/** How somebody frames a picture that fills its cell: enlarged, and moved from one edge (0) to the other (1). */
export interface Framing {
  zoom: number;
  across: number;
  down: number;
}

const MIDDLE: Framing = { zoom: 1, across: 0.5, down: 0.5 };

export function zoomMax(picture: Size, cell: Size): number {
  const all = narrowed(picture, cell, WHOLE);
  return Math.max(1, Math.min(ZOOM_MAX, all.width / CROP_MIN, all.height / CROP_MIN));
}

export function framingOf(picture: Size, cell: Size, crop: Crop | null): Framing {
  if (!crop) return MIDDLE;
  const all = narrowed(picture, cell, WHOLE);
  const used = narrowed(picture, cell, crop);
  const zoom = clamp(all.width / used.width, 1, zoomMax(picture, cell));
  const share = (from: number, length: number): number => (length > 0.9999 ? 0.5 : clamp(from / (1 - length), 0, 1));
  return { zoom, across: share(used.x, used.width), down: share(used.y, used.height) };
}

/** Null where nothing is framed: then the server takes the middle by itself. */
export function cropOf(picture: Size, cell: Size, framing: Framing): Crop | null {
  const zoom = clamp(framing.zoom, 1, zoomMax(picture, cell));
  const all = narrowed(picture, cell, WHOLE);
  const [width, height] = [all.width / zoom, all.height / zoom];
  const x = clamp(framing.across, 0, 1) * (1 - width);
  const y = clamp(framing.down, 0, 1) * (1 - height);
  const middle = Math.abs(x - (1 - width) / 2) < 1e-4 && Math.abs(y - (1 - height) / 2) < 1e-4;
  return zoom < 1.0001 && middle ? null : { x, y, width, height };
}

/** The framing after the picture was dragged by shares of the cell. */
export function dragged(picture: Size, cell: Size, crop: Crop | null, by: { x: number; y: number }): Crop | null {
  const framing = framingOf(picture, cell, crop);
  const used = narrowed(picture, cell, crop ?? WHOLE);
  const moved = (share: number, length: number, delta: number): number => (length > 0.9999 ? share : share - (delta * length) / (1 - length));
  return cropOf(picture, cell, { ...framing, across: moved(framing.across, used.width, by.x), down: moved(framing.down, used.height, by.y) });
}
