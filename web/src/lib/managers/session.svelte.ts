/** Who is watching: nobody in particular (a cookie), or an account. */
import { api } from '../api/client.ts';
import type { Account } from '../api/types.ts';

export type SessionChange = 'signed-in' | 'signed-up' | 'signed-out';

class SessionManager {
  account = $state<Account | null>(null);
  /** Whether the server has told who this is. */
  known = $state(false);
  private listeners: ((change: SessionChange) => void | Promise<void>)[] = [];
  private starting: Promise<void> | null = null;

  /** Asks once; the first visit gets its anonymous cookie here. Later calls wait for the same answer. */
  start(): Promise<void> {
    this.starting ??= api
      .currentSession()
      .then(({ account }) => {
        this.account = account;
        this.known = true;
      })
      .catch((error: unknown) => {
        // Offline or down: watch what there is, and ask again next time.
        this.starting = null;
        throw error;
      });
    return this.starting;
  }

  /** Runs before the viewer becomes somebody else: what was watched so far belongs to the old one. */
  beforeChange: () => Promise<void> = async () => undefined;

  onChange(listener: (change: SessionChange) => void | Promise<void>): void {
    this.listeners.push(listener);
  }

  async signUp(handle: string, password: string): Promise<string[]> {
    await this.beforeChange();
    const { account, recovery_codes } = await api.signUp(handle, password);
    await this.become(account, 'signed-up');
    return recovery_codes;
  }

  async signIn(handle: string, password: string): Promise<void> {
    await this.beforeChange();
    const { account } = await api.signIn(handle, password);
    await this.become(account, 'signed-in');
  }

  async recover(handle: string, code: string, password: string): Promise<void> {
    await this.beforeChange();
    const { account } = await api.recover(handle, code, password);
    await this.become(account, 'signed-in');
  }

  async signOut(): Promise<void> {
    await this.beforeChange();
    await api.signOut();
    await this.left();
  }

  async signOutEverywhere(): Promise<void> {
    await this.beforeChange();
    await api.signOutEverywhere();
    await this.left();
  }

  async deleteAccount(password: string): Promise<void> {
    await api.deleteAccount(password);
    await this.left();
  }

  private async left(): Promise<void> {
    await this.become(null, 'signed-out');
    // A fresh anonymous cookie for what is watched next.
    this.starting = null;
    await this.start().catch(() => undefined);
  }

  private async become(account: Account | null, change: SessionChange): Promise<void> {
    this.account = account;
    this.known = true;
    for (const listener of this.listeners) await listener(change);
  }
}

export const session = new SessionManager();
