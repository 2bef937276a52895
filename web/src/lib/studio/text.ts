/**
 * Where every line of a text stands, and how it is drawn. The server sets the same font by the same
 * sums, so that what is seen here is what comes out.
 */
import type { TextOverlay } from './edit.ts';

const LINE_HEIGHT = 1.2;
const BASELINE = 0.95;
const RIM = 0.06;
const BOX_PADDING = 0.25;
const BOX_RADIUS = 0.2;
/** A letter of a script written from right to left, as the first that has a direction (UAX #9, P2). */
const FIRST_RTL = /^[^\p{L}]*[\p{sc=Hebr}\p{sc=Arab}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Adlm}]/u;

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

/** Letters that are pictures have no outline to be stroked. */
const PICTURES = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
const RIM_STEPS = 24;

/** A rim around everything of a line, by its shadow put all around it. */
function rimOfPictures(context: CanvasRenderingContext2D, line: TextBox['lines'][number], fontPx: number): void {
  const shadow = new OffscreenCanvas(Math.max(1, Math.ceil(line.width + fontPx)), Math.ceil(2 * fontPx));
  const pen = shadow.getContext('2d');
  if (!pen) return;
  pen.font = context.font;
  pen.direction = context.direction;
  pen.textAlign = 'left';
  pen.fillText(line.text, fontPx / 2, 1.4 * fontPx);
  pen.globalCompositeOperation = 'source-in';
  pen.fillRect(0, 0, shadow.width, shadow.height);
  for (let step = 0; step < RIM_STEPS; step += 1) {
    const angle = (2 * Math.PI * step) / RIM_STEPS;
    context.drawImage(shadow, line.left - fontPx / 2 + Math.cos(angle) * RIM * fontPx, line.baseline - 1.4 * fontPx + Math.sin(angle) * RIM * fontPx);
  }
}

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
  context.direction = FIRST_RTL.test(overlay.text) ? 'rtl' : 'ltr';
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  context.lineJoin = 'round';
  for (const line of box.lines) {
    if (overlay.style === 'box' && line.width > 0) {
      context.fillStyle = 'rgb(0 0 0 / 0.6)';
      const padding = BOX_PADDING * fontPx;
      context.beginPath();
      context.roundRect(line.left - padding, line.baseline - BASELINE * fontPx, line.width + 2 * padding, LINE_HEIGHT * fontPx, BOX_RADIUS * fontPx);
      context.fill();
    }
    if (overlay.style === 'outline') {
      context.strokeStyle = '#000000';
      context.lineWidth = 2 * RIM * fontPx;
      context.strokeText(line.text, line.left, line.baseline);
      if (PICTURES.test(line.text)) rimOfPictures(context, line, fontPx);
    }
    context.fillStyle = overlay.colour;
    context.fillText(line.text, line.left, line.baseline);
  }
  context.restore();
  return box;
}
