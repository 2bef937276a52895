/**
 * Where every line of a text stands, and how it is drawn. The server sets the same font by the same
 * sums, so that what is seen here is what comes out.
 */
import type { TextOverlay } from './edit.ts';

const LINE_HEIGHT = 1.2;
const BASELINE = 0.95;
const OUTLINE = 0.12;
const BOX_PADDING = 0.25;

export type Measure = (text: string) => number;

/** Breaks at spaces, and inside a word only where the word alone is too long. */
export function wrap(text: string, width: number, measure: Measure): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (measure(longer) <= width) {
        line = longer;
        continue;
      }
      if (line !== '') lines.push(line);
      const parts = pieces(word, width, measure);
      lines.push(...parts.slice(0, -1));
      line = parts.at(-1) ?? '';
    }
    return [...lines, line];
  });
}

function pieces(word: string, width: number, measure: Measure): string[] {
  if (measure(word) <= width) return [word];
  const parts: string[] = [];
  let part = '';
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    if (part !== '' && measure(part + segment) > width) {
      parts.push(part);
      part = '';
    }
    part += segment;
  }
  return [...parts, part];
}

export interface TextBox {
  lines: { text: string; left: number; baseline: number; width: number }[];
  fontPx: number;
  /** The block's width and height in canvas pixels, centred on the overlay's place. */
  width: number;
  height: number;
}

/** Lines in pixels relative to the block's centre. */
export function layout(overlay: TextOverlay, canvas: { width: number; height: number }, measureAt: (fontPx: number) => Measure): TextBox {
  const fontPx = overlay.size * canvas.height;
  const width = overlay.width * canvas.width;
  const measure = measureAt(fontPx);
  const texts = wrap(overlay.text, width, measure);
  const height = texts.length * LINE_HEIGHT * fontPx;
  const lines = texts.map((text, i) => {
    const lineWidth = measure(text);
    const free = width - lineWidth;
    const left = -width / 2 + (overlay.align === 'left' ? 0 : overlay.align === 'right' ? free : free / 2);
    return { text, left, baseline: -height / 2 + i * LINE_HEIGHT * fontPx + BASELINE * fontPx, width: lineWidth };
  });
  return { lines, fontPx, width, height };
}

/** The server's fonts in the order in which a character is looked for; empty until they are loaded. */
let families: string[] = [];

export function useFamilies(names: string[]): void {
  families = names;
}

export const fontOf = (fontPx: number): string => `700 ${fontPx}px ${[...families.map((name) => `"${name}"`), 'system-ui', 'sans-serif'].join(', ')}`;

/** Draws one text on a canvas of the edit list's size. */
export function draw(context: CanvasRenderingContext2D, overlay: TextOverlay, canvas: { width: number; height: number }): TextBox {
  const measureAt = (fontPx: number): Measure => {
    context.font = fontOf(fontPx);
    return (text) => context.measureText(text).width;
  };
  const box = layout(overlay, canvas, measureAt);
  const { fontPx } = box;
  context.save();
  context.translate(overlay.x * canvas.width, overlay.y * canvas.height);
  context.rotate((overlay.rotation * Math.PI) / 180);
  context.font = fontOf(fontPx);
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  context.lineJoin = 'round';
  for (const line of box.lines) {
    if (overlay.style === 'box' && line.width > 0) {
      context.fillStyle = 'rgb(0 0 0 / 0.6)';
      const padding = BOX_PADDING * fontPx;
      context.fillRect(line.left - padding, line.baseline - BASELINE * fontPx, line.width + 2 * padding, LINE_HEIGHT * fontPx);
    }
    if (overlay.style === 'outline') {
      context.strokeStyle = '#000000';
      context.lineWidth = 2 * OUTLINE * fontPx;
      context.strokeText(line.text, line.left, line.baseline);
    }
    context.fillStyle = overlay.colour;
    context.fillText(line.text, line.left, line.baseline);
  }
  context.restore();
  return box;
}
