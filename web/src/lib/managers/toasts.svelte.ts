/** Short messages at the edge of the screen, some with one thing to do. Also the voice for screen readers. */
import { TOAST_MS, UNDO_MS } from '../../thresholds.ts';

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

class Toasts {
  list = $state<Toast[]>([]);
  /** Said by the live region, not shown. */
  spoken = $state('');
  private nextId = 1;
  private commits = new Map<number, () => void>();

  show(text: string, action?: Toast['action'], ms = TOAST_MS): number {
    const toast: Toast = { id: this.nextId++, text };
    if (action) toast.action = action;
    // One at a time: a second message replaces the first, whose step is then final.
    for (const old of this.list) this.dismiss(old.id);
    this.list = [toast];
    setTimeout(() => this.dismiss(toast.id), ms);
    return toast.id;
  }

  /**
   * Announces a destructive step that is carried out only when the time to take it back has
   * passed. `commit` runs once; `undo` runs instead of it when asked for.
   */
  undoable(text: string, label: string, undo: () => void, commit: () => void): void {
    const id: number = this.show(
      text,
      {
        label,
        run: () => {
          this.commits.delete(id);
          this.dismiss(id);
          undo();
        },
      },
      UNDO_MS,
    );
    this.commits.set(id, commit);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
    const commit = this.commits.get(id);
    this.commits.delete(id);
    commit?.();
  }

  /** The page goes away: what could still be undone is done now. */
  commitAll(): void {
    for (const toast of this.list) this.dismiss(toast.id);
  }

  say(text: string): void {
    this.spoken = text;
  }
}

export const toasts = new Toasts();
