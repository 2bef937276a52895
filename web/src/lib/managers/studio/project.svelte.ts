/**
 * The video being made: takes, edit list, what is typed for publishing. Every change is kept on the
 * device at once and on the server soon after; nothing of it needs the page to stay open.
 */
import { ApiError } from '../../api/client.ts';
import { fetchBlob, sourceAddress, studio, type Draft, type Sound } from '../../api/studio.ts';
import { addVoice, append, complete, momentAt, newEdit, newSegment, rendered, renameSources, singWith, totalMs, type EditList, type SungClip } from '../../studio/edit.ts';
import { shiftSource } from '../../studio/spans.ts';
import { History } from '../../studio/history.ts';
import { newUuid } from '../app.ts';
import { session } from '../session.svelte.ts';
import { measure } from './camera.ts';
import { fieldsOf, local, newForm, refer, type PublishForm, type StoredProject, type Take } from './local.ts';
import type { Recorded } from './recorder.svelte.ts';
import { adopted, asSent, deliver, parcelOf, unsent, type Parcel } from './sending.ts';
import { stillOf } from './stills.ts';

const SAVE_AFTER_MS = 300;
const SYNC_AFTER_MS = 2000;
/** As long as a picked file is cut back and forth, none of it is sent. */
const SETTLE_MS = 15_000;
const TITLE_CHARS_MAX = 80;

/** Where the server's copy is: `device` is only here so far, `refused` will stay so until something changes. */
export type SyncState = 'device' | 'sending' | 'saved' | 'failed' | 'refused' | 'conflict';

class Project {
  id = $state('');
  edit = $state.raw<EditList>(newEdit());
  takes = $state.raw<Take[]>([]);
  sound = $state.raw<Sound | null>(null);
  form = $state<PublishForm>(newForm());
  sync = $state<SyncState>('device');
  /** The server's version, where another device was faster. */
  conflict = $state.raw<Draft | null>(null);
  /** Bytes of takes sent and to send, for the publish page. */
  sent = $state({ done: 0, total: 0 });
  /** How far a picked file is cut to what is used, 0 to 1; null where none is being cut. */
  cutting = $state<number | null>(null);
  canUndo = $state(false);
  canRedo = $state(false);

  private still = '';
  private draft = $state.raw<StoredProject['draft']>(null);
  private history = new History<EditList>();
  private urls = new Map<string, string>();
  private blobs = new Map<string, Blob>();
  private saveTimer = 0;
  private syncTimer = 0;
  private syncing: Promise<void> | null = null;
  private dirty = false;
  private stopSending = new AbortController();

  get totalMs(): number {
    return totalMs(this.edit);
  }

  /** The published video that this is a new edit of; empty where it is one of its own. */
  readonly editOf = $derived(this.draft?.editOf ?? '');
  readonly empty = $derived(this.edit.segments.length === 0);

  /** Begins a new one; the old one stays in the list of drafts. */
  reset(): void {
    clearTimeout(this.saveTimer);
    clearTimeout(this.syncTimer);
    this.stopSending.abort();
    this.stopSending = new AbortController();
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
    this.blobs.clear();
    this.history = new History();
    this.id = newUuid();
    this.edit = newEdit();
    this.takes = [];
    this.sound = null;
    this.form = newForm();
    this.sync = 'device';
    this.conflict = null;
    this.sent = { done: 0, total: 0 };
    this.still = '';
    this.draft = null;
    this.dirty = false;
    this.noteHistory();
  }

  /** Opens a project of this device. */
  async open(id: string): Promise<boolean> {
    const stored = await local.project(id);
    if (!stored) return false;
    this.reset();
    this.id = stored.id;
    this.edit = stored.edit;
    this.takes = stored.takes;
    this.sound = stored.sound;
    this.form = stored.form;
    this.draft = stored.draft;
    this.still = stored.still;
    this.dirty = stored.dirty;
    if (this.dirty || !this.draft) this.scheduleSync();
    else this.sync = 'saved';
    return true;
  }

  /** Opens a draft of the server; its sources come from there where this device has them not. */
  async openDraft(draft: Draft): Promise<void> {
    const here = (await local.projects()).find((one) => one.draft?.id === draft.id);
    if (here && (await this.open(here.id)) && (here.draft?.revision ?? 0) >= draft.revision) return;
    const id = here?.id ?? newUuid();
    const known = this.takes;
    if (!here) this.reset();
    this.id = id;
    this.draft = refer(draft);
    this.adopt(draft.edit, here ? known : []);
    if (draft.edit.sound) this.sound = await studio.sound(draft.edit.sound.sound).catch(() => null);
    await this.save();
    this.sync = 'saved';
  }

  /** Changes the edit list. Changes of the same kind in quick succession are taken back together. */
  change(next: EditList, kind = ''): void {
    if (next === this.edit) return;
    this.history.note(this.edit, kind, performance.now());
    this.apply(next);
  }

  undo(): void {
    this.apply(this.history.undo(this.edit));
  }

  redo(): void {
    this.apply(this.history.redo(this.edit));
  }

  touch(): void {
    this.dirty = true;
    clearTimeout(this.saveTimer);
    this.saveTimer = window.setTimeout(() => void this.save(), SAVE_AFTER_MS);
    this.scheduleSync();
  }

  /** `clip`: one beside it that has this sound too, and goes along with it. */
  setSound(sound: Sound | null, startMs = 0, clip: SungClip | null = null): void {
    this.sound = sound;
    const next = { ...this.edit, sound: sound && { sound: sound.id, start_ms: Math.round(startMs), volume: 1, lead_ms: 0 } };
    this.change(clip ? singWith(next, clip, startMs) : next);
  }

  /** Adds what was recorded. Its head before the backing began is cut by the edit list, not thrown away. */
  async add(recorded: Recorded, volume: number): Promise<void> {
    const lead = recorded.leadMs;
    const take = this.keep(recorded.blob, { kind: 'video', ...recorded });
    const start = lead === null ? 0 : Math.max(0, lead);
    const { layout } = this.edit;
    const fit = layout.kind === 'single' ? 'cover' : (layout.fit ?? 'cover');
    let next = append(this.edit, { ...newSegment(take.id, start, recorded.durationMs), volume, fit });
    // Heard before the first picture: the sound goes on from where the picture begins.
    if (lead !== null && lead < 0 && next.sound && this.edit.segments.length === 0) {
      next = { ...next, sound: { ...next.sound, start_ms: Math.round(next.sound.start_ms - lead) } };
    }
    this.change(next);
    await this.save();
  }

  /** Adds a file of the device. */
  async addFile(file: Blob): Promise<boolean> {
    const facts = await measure(file);
    if (facts.durationMs === null || facts.width === 0) return false;
    const take = this.keep(file, { kind: 'video', picked: true, leadMs: null, backingMs: 0, ...facts, durationMs: facts.durationMs });
    this.change(append(this.edit, newSegment(take.id, 0, facts.durationMs)));
    await this.save();
    return true;
  }

  async addVoice(blob: Blob, atMs: number, durationMs: number): Promise<void> {
    const take = this.keep(blob, { kind: 'voice', durationMs, leadMs: null, backingMs: 0, width: 0, height: 0 });
    const voice = { source: take.id, at_ms: Math.round(atMs), start_ms: 0, end_ms: Math.floor(durationMs), volume: 1 };
    this.change(addVoice(this.edit, voice));
    await this.save();
  }

  take(id: string | null): Take | undefined {
    return this.takes.find((take) => take.id === id);
  }

  /** Address of a take's bytes in this page. */
  async urlOf(takeId: string): Promise<string | null> {
    const known = this.urls.get(takeId);
    if (known) return known;
    const blob = await this.bytesOf(takeId);
    if (!blob) return null;
    const url = this.urls.get(takeId) ?? URL.createObjectURL(blob);
    this.urls.set(takeId, url);
    return url;
  }

  async bytesOf(takeId: string): Promise<Blob | null> {
    const here = this.blobs.get(takeId) ?? (await local.bytes(takeId));
    if (here) {
      this.blobs.set(takeId, here);
      return here;
    }
    const take = this.take(takeId);
    if (!take?.uploadId || !this.draft) return null;
    const blob = await fetchBlob(sourceAddress(this.draft.id, take.uploadId)).catch(() => null);
    if (!blob) return null;
    this.blobs.set(takeId, blob);
    const facts = await measure(blob);
    // What came back is the part that was sent: from now on that is the take.
    if (take.cut) {
      this.edit = shiftSource(this.edit, takeId, -take.cut.startMs);
      this.history = new History();
      this.noteHistory();
    }
    this.takes = this.takes.map((one) => (one.id === takeId ? { ...one, cut: null, width: facts.width, height: facts.height, durationMs: facts.durationMs ?? one.durationMs } : one));
    await local.saveBytes(takeId, blob).catch(() => undefined);
    return blob;
  }

  /** The picture for the list of drafts. */
  setStill(still: string): void {
    if (still === this.still) return;
    this.still = still;
    void this.save();
  }

  /** The poster as a small picture; empty where it cannot be drawn here. */
  async poster(): Promise<string> {
    const moment = momentAt(this.edit, this.edit.poster_ms);
    const segment = moment && this.edit.segments[moment.index];
    const url = segment?.source ? await this.urlOf(segment.source) : null;
    return segment && url ? stillOf(this.edit, segment, url, moment.sourceMs) : this.still;
  }

  async save(): Promise<void> {
    clearTimeout(this.saveTimer);
    if (this.empty && !this.edit.sound) return;
    const { id, edit, takes, sound, draft, still, dirty } = this;
    const owner = session.account?.id ?? null;
    await local.save({ id, updatedAt: Date.now(), edit, takes, sound, draft, still, dirty, form: $state.snapshot(this.form), owner }).catch(() => undefined);
  }

  /** Throws it away, here and on the server. */
  async discard(): Promise<void> {
    const stored = await local.project(this.id);
    const { draft } = this;
    this.reset();
    if (stored) await local.remove(stored);
    if (draft) await studio.deleteDraft(draft.id).catch(() => undefined);
  }

  /** Sends what is missing and publishes. */
  async publish(): Promise<string> {
    return (await studio.publishDraft(await this.sentDraft(), fieldsOf(this.form))).video.id;
  }

  /** Sends what is missing and has the video that this is an edit of play it. */
  async replace(): Promise<string> {
    await studio.replaceEdit(this.editOf, await this.sentDraft());
    return this.editOf;
  }

  /** Id of the server's draft, which is what is here. */
  private async sentDraft(): Promise<string> {
    if (!complete(this.edit)) throw new ApiError(422, { code: 'incomplete' });
    await this.save();
    await this.push();
    if (this.conflict || !this.draft) throw new ApiError(409, { code: 'stale_revision' });
    return this.draft.id;
  }

  /** Published: the device may forget it. */
  async done(): Promise<void> {
    const stored = await local.project(this.id);
    if (stored) await local.remove(stored);
    this.reset();
  }

  /** Of two versions, this one or the other device's. */
  async settleConflict(mine: boolean): Promise<void> {
    const other = this.conflict;
    if (!other) return;
    this.conflict = null;
    this.draft = refer(other);
    if (!mine) this.adopt(other.edit, this.takes);
    await this.save();
    await this.push();
  }

  /** Brings the server up to date. Calls while one is under way wait for it and then go again. */
  async push(): Promise<void> {
    clearTimeout(this.syncTimer);
    while (this.syncing) await this.syncing.catch(() => undefined);
    this.syncing = this.pushOnce();
    try {
      await this.syncing;
    } finally {
      this.syncing = null;
    }
  }

  private async pushOnce(): Promise<void> {
    // What cannot be a video yet is not taken by the server.
    if (!session.account || !complete(this.edit)) return;
    const { id } = this;
    this.sync = 'sending';
    try {
      await this.sendTakes();
      const edit = renameSources(asSent(rendered(this.edit), this.takes), (source) => this.take(source)?.uploadId ?? source);
      const title = [...this.form.caption.replaceAll(/\s+/g, ' ').trim()].slice(0, TITLE_CHARS_MAX).join('');
      this.dirty = false;
      const { draft } = this.draft
        ? await studio.saveDraft(this.draft.id, edit, title, this.draft.revision)
        : await studio.createDraft(edit, title);
      if (this.id !== id) return;
      this.draft = refer(draft);
      // Changed meanwhile: then it is not what is here any more.
      this.sync = this.dirty ? 'sending' : 'saved';
      await this.save();
      if (this.dirty) this.scheduleSync();
    } catch (error) {
      if (this.id !== id) return;
      this.dirty = true;
      this.sync = error instanceof ApiError && !error.temporary ? 'refused' : 'failed';
      if (error instanceof ApiError && error.code === 'stale_revision' && this.draft) {
        this.conflict = (await studio.draft(this.draft.id)).draft;
        this.sync = 'conflict';
      } else if (error instanceof ApiError && error.status === 404 && this.draft) {
        // Deleted elsewhere: what is here is kept, as a draft of its own.
        this.draft = null;
        this.scheduleSync();
      }
      throw error;
    }
  }

  private async sendTakes(): Promise<void> {
    const { edit } = this;
    const { signal } = this.stopSending;
    const parcels: Parcel[] = [];
    try {
      for (const take of unsent(this.takes, edit)) {
        const blob = await this.bytesOf(take.id);
        if (blob) parcels.push(await parcelOf(take, edit, blob, (ratio) => (this.cutting = ratio), signal));
      }
    } finally {
      this.cutting = null;
    }
    let before = 0;
    this.sent = { done: 0, total: parcels.reduce((sum, { blob }) => sum + blob.size, 0) };
    for (const parcel of parcels) {
      const take = await deliver(parcel, (bytes) => (this.sent = { ...this.sent, done: before + bytes }), signal);
      before += parcel.blob.size;
      this.takes = this.takes.map((one) => (one.id === take.id ? take : one));
      await this.save();
    }
    // Cut differently meanwhile: what was sent may not have all of it.
    if (this.edit !== edit) await this.sendTakes();
  }

  private scheduleSync(): void {
    clearTimeout(this.syncTimer);
    if (!session.account || this.conflict || !complete(this.edit)) return;
    const settling = unsent(this.takes, this.edit).some((take) => take.picked);
    this.sync = settling ? 'device' : 'sending';
    this.syncTimer = window.setTimeout(() => void this.push().catch(() => undefined), settling ? SETTLE_MS : SYNC_AFTER_MS);
  }

  private apply(next: EditList): void {
    if (next === this.edit) return;
    this.edit = next;
    this.noteHistory();
    this.touch();
  }

  private noteHistory(): void {
    this.canUndo = this.history.canUndo;
    this.canRedo = this.history.canRedo;
  }

  private keep(blob: Blob, facts: Omit<Take, 'id' | 'uploadId'>): Take {
    const { kind, durationMs, leadMs, backingMs, width, height, picked = false } = facts;
    const take: Take = { id: newUuid(), kind, durationMs, leadMs, backingMs, width, height, picked, uploadId: null };
    this.takes = [...this.takes, take];
    this.blobs.set(take.id, blob);
    void local.saveBytes(take.id, blob).catch(() => undefined);
    return take;
  }

  /** Takes over an edit list of the server, whose sources are uploads. */
  private adopt(edit: EditList, known: readonly Take[]): void {
    const { takes, list } = adopted(edit, known);
    this.edit = list;
    this.takes = takes;
    this.noteHistory();
  }
}

export const project = new Project();
project.reset();
