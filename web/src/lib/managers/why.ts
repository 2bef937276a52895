/** From the server's account of a ranking to what a person reads: lines, shares, and nothing that was not computed. */
import { api, ApiError } from '../api/client.ts';
import { files, recommender, type Counterfactual, type Deeds, type Reason, type Term, type Why } from '../api/recommender.ts';
import { sameSubject } from '../subjects.ts';

/** Reasons that are told in sentences; the others are in the details. */
const REASONS_TOLD = 3;
const NAME_CHARS_MAX = 40;

export const DEEDS = ['finished', 'liked', 'shared', 'skipped'] as const satisfies readonly (keyof Deeds)[];

/** The account of an impression; where nothing ranked it, or it was too long ago, that. */
export async function loadWhy(impressionId: string): Promise<Why | 'unranked' | 'old'> {
  try {
    return await recommender.why(impressionId);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return 'unranked';
    if (error instanceof ApiError && error.status === 410) return 'old';
    throw error;
  }
}

export interface Share extends Term {
  /** Part of everything that counted, for or against: 0 to 1. */
  share: number;
}

/** The terms that moved the score, strongest first, with their part of the whole. */
export function shares(terms: readonly Term[]): Share[] {
  const whole = terms.reduce((sum, term) => sum + Math.abs(term.value), 0);
  return terms
    .filter((term) => term.value !== 0)
    .map((term) => ({ ...term, share: Math.abs(term.value) / whole }))
    .sort((a, b) => b.share - a.share);
}

export interface Line {
  reason: Reason;
  /** What the replay without it gave; absent where it was not replayed. */
  without: Counterfactual | undefined;
}

/** The main reasons, each with what would have been without it. */
export function lines(why: Why): Line[] {
  return why.reasons.slice(0, REASONS_TOLD).map((reason) => ({
    reason,
    without: why.counterfactuals.find(({ without }) => without.kind === 'evidence' && sameSubject(without.subject, reason.subject)),
  }));
}

/** What was done, in the order of `DEEDS`, without what was not. */
export function done(deeds: Deeds): [string, number][] {
  return DEEDS.filter((deed) => deeds[deed] > 0).map((deed) => [deed, deeds[deed]]);
}

/** How a replay differs from what happened. */
export function difference(why: Why, without: Counterfactual): 'never' | 'far' | 'anyway' | 'elsewhere' {
  if (without.score === null) return 'never';
  if (without.rank === null) return 'far';
  return without.rank === why.rank ? 'anyway' : 'elsewhere';
}

/** Where the signed record of the page lies that showed this impression. */
export const receiptOf = files.receipt;

/** What to call these videos: creator and the beginning of the caption. Those that are gone have no name. */
export async function namesOf(ids: string[]): Promise<Map<string, string>> {
  const found = await Promise.all(ids.map((id) => api.video(id).catch(() => null)));
  const names = found.flatMap((answer) => {
    if (!answer) return [];
    const { id, creator, caption } = answer.video;
    return [[id, `@${creator.handle} ${caption.slice(0, NAME_CHARS_MAX)}`.trim()] as const];
  });
  return new Map(names);
}
