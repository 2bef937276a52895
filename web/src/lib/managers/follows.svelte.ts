/** Whom the viewer follows, shown at once; taken back where the server refuses. */
import type { Account } from '../api/types.ts';

export class FollowManager {
  private shown = $state<Record<string, boolean>>({});
  private readonly send: (handle: string, followed: boolean) => Promise<unknown>;

  constructor(send: (handle: string, followed: boolean) => Promise<unknown>) {
    this.send = send;
  }

  /** What was done here goes before what the server said earlier. */
  of(account: Account): boolean {
    return this.shown[account.handle] ?? account.followed ?? false;
  }

  /** Rejects where the server refuses; the old state is back then. */
  async set(account: Account, followed: boolean): Promise<void> {
    const before = this.of(account);
    this.shown[account.handle] = followed;
    try {
      await this.send(account.handle, followed);
    } catch (error) {
      this.shown[account.handle] = before;
      throw error;
    }
  }

  /** Somebody else is watching now. */
  clear(): void {
    this.shown = {};
  }
}
