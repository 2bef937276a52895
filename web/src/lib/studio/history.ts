/** Undo and redo over values that are never changed in place. */
const STEPS_MAX = 60;
/** Changes of one kind within this time are one step: a drag is taken back in one go. */
const MERGE_MS = 700;

export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  private lastKind = '';
  private lastAt = -Infinity;

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Notes the value before a change. `kind` names what is being dragged or typed; empty never merges. */
  note(before: T, kind: string, nowMs: number): void {
    const merges = kind !== '' && kind === this.lastKind && nowMs - this.lastAt < MERGE_MS && this.past.length > 0;
    this.lastKind = kind;
    this.lastAt = nowMs;
    this.future = [];
    if (merges) return;
    this.past = [...this.past, before].slice(-STEPS_MAX);
  }

  undo(current: T): T {
    const before = this.past.at(-1);
    if (before === undefined) return current;
    this.past = this.past.slice(0, -1);
    this.future = [...this.future, current];
    this.lastKind = '';
    return before;
  }

  redo(current: T): T {
    const after = this.future.at(-1);
    if (after === undefined) return current;
    this.future = this.future.slice(0, -1);
    this.past = [...this.past, current];
    this.lastKind = '';
    return after;
  }
}
