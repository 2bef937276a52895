/** Whom the viewer follows, shown at once; taken back where the server refuses. */
import type { Account } from '../api/types.ts';

export interface FollowDeps {
  set(handle: string, followed: boolean): Promise<unknown>;
  /** Whether the viewer follows somebody; undefined for those without an account. */
  ask(handle: string): Promise<boolean | undefined>;
}

export class FollowManager {
  private shown = $state<Record<string, boolean>>({});
  private asked = new Set<string>();
  private readonly deps: FollowDeps;

  constructor(deps: FollowDeps) {
    this.deps = deps;
  }

  /** What was done here goes before what the server said earlier. */
  of(account: Account): boolean {
    return this.shown[account.handle] ?? account.followed ?? false;
  }

  /** Finds out about somebody, once, where their video did not say. */
  async look({ handle, followed }: Account): Promise<void> {
    if (followed !== undefined || this.asked.has(handle)) return;
    this.asked.add(handle);
    const told = await this.deps.ask(handle).catch(() => undefined);
    if (told !== undefined && this.asked.has(handle)) this.shown[handle] ??= told;
  }

  /** Rejects where the server refuses; the old state is back then. */
  async set(account: Account, followed: boolean): Promise<void> {
    const before = this.of(account);
    this.shown[account.handle] = followed;
    try {
      await this.deps.set(account.handle, followed);
    } catch (error) {
      this.shown[account.handle] = before;
      throw error;
    }
  }

  /** Somebody else is watching now. */
  clear(): void {
    this.shown = {};
    this.asked.clear();
  }
}
