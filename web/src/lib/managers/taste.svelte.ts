/** The taste the recommender holds about this viewer, and what the viewer makes of it. */
import { recommender, type Subject, type Taste, type TasteSubject, type Wish } from '../api/recommender.ts';
import { feeds } from './app.ts';

export class TasteManager {
  taste = $state.raw<Taste | null>(null);
  error = $state.raw<unknown>(null);

  async load(): Promise<void> {
    try {
      this.taste = await recommender.taste();
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** Asks for more or less of something, or to forget what was learned about it. */
  wish(subject: Subject, wish: Wish): Promise<void> {
    return this.carryOut(() => recommender.wish(subject, wish));
  }

  learn(learning: boolean): Promise<void> {
    return this.carryOut(() => recommender.learn(learning));
  }

  showAgain(subject: Subject): Promise<void> {
    return this.carryOut(() => recommender.hide(subject, false), true);
  }

  hideAgain(subject: Subject): Promise<void> {
    return this.carryOut(() => recommender.hide(subject, true), true);
  }

  reset(): Promise<void> {
    return this.carryOut(() => recommender.reset());
  }

  import(file: unknown): Promise<void> {
    return this.carryOut(() => recommender.importTaste(file), true);
  }

  /** The server's answer is what is shown: a wish moves more than the one number. */
  private async carryOut(work: () => Promise<void>, everywhere = false): Promise<void> {
    try {
      await work();
      rethink(everywhere);
    } finally {
      await this.load();
    }
  }
}

/** What comes next follows the change; where something hidden may come back, other feeds start over. */
function rethink(everywhere: boolean): void {
  feeds['for-you'].rethink();
  if (!everywhere) return;
  for (const feed of [feeds.following, feeds.popular, feeds.latest]) feed.reset();
}

/** Asks for more or less of something from elsewhere than the taste page. */
export async function wishFor(subject: Subject, wish: Wish): Promise<void> {
  await recommender.wish(subject, wish);
  rethink(false);
}

/** Strong first; what the viewer asked for goes before what was learned. */
export function split(subjects: readonly TasteSubject[]): { likes: TasteSubject[]; dislikes: TasteSubject[] } {
  const sorted = [...subjects].sort((a, b) => Number(!!b.pinned) - Number(!!a.pinned) || Math.abs(b.leaning) - Math.abs(a.leaning) || (a.label ?? '').localeCompare(b.label ?? ''));
  const against = ({ pinned, leaning }: TasteSubject): boolean => (pinned ? pinned === 'less' : leaning < 0);
  return { likes: sorted.filter((one) => !against(one)), dislikes: sorted.filter(against) };
}

/** 0 (hardly) to 3 (very): which word says how strong a leaning is. */
export function strength(leaning: number): number {
  return Math.min(3, Math.floor((Math.abs(leaning) / 1_000_000) * 4));
}
