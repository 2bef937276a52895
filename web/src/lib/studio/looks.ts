/**
 * The looks as matrices: red, green and blue out of red, green, blue and one, on values as they are
 * stored (not linear light). The server computes the same sums (`colorchannelmixer`).
 */
import type { Look } from './edit.ts';

type Row = [r: number, g: number, b: number, constant: number];
const MONO: Row = [0.2232, 0.751, 0.0758, -0.02];

const MATRICES: Record<Exclude<Look, 'none'>, [Row, Row, Row]> = {
  warm: [[1.08, 0.02, 0, 0.01], [0, 1, 0, 0], [0, 0.02, 0.86, 0]],
  cool: [[0.9, 0, 0.02, 0], [0, 1, 0.02, 0], [0, 0.03, 1.07, 0.01]],
  mono: [MONO, MONO, MONO],
  vivid: [[1.3308, -0.2532, -0.0276, -0.025], [-0.0792, 1.1568, -0.0276, -0.025], [-0.0792, -0.2532, 1.3824, -0.025]],
  faded: [[0.6906, 0.143, 0.0144, 0.09], [0.0456, 0.788, 0.0144, 0.09], [0.0456, 0.143, 0.6594, 0.09]],
};

/** Values of an SVG `feColorMatrix`. */
export function matrixOf(look: Exclude<Look, 'none'>): string {
  const rows = MATRICES[look].map(([r, g, b, constant]) => [r, g, b, 0, constant].join(' '));
  return [...rows, '0 0 0 1 0'].join(' ');
}

export const filterOf = (look: Look): string => (look === 'none' ? 'none' : `url(#look-${look})`);
