/**
 * The video being made: takes, edit list, what is typed for publishing. Every change is kept on the
 * device at once and on the server soon after; nothing of it needs the page to stay open.
 */
import { ApiError } from '../../api/client.ts';
import { fetchBlob, sourceAddress, studio, type Draft, type PublishFields, type Sound } from '../../api/studio.ts';
import { addVoice, append, complete, momentAt, newEdit, newSegment, rendered, renameSources, sourcesOf, totalMs, type EditList } from '../../studio/edit.ts';
import { History } from '../../studio/history.ts';
import { newUuid } from '../app.ts';
import { session } from '../session.svelte.ts';
import { measure } from './camera.ts';
import { local, newForm, type PublishForm, type StoredProject, type Take } from './local.ts';
import type { Recorded } from './recorder.svelte.ts';
import { stillOf } from './stills.ts';
import { send } from './transfer.ts';

const SAVE_AFTER_MS = 300;
const SYNC_AFTER_MS = 2000;
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
  canUndo = $state(false);
  canRedo = $state(false);

  private still = '';
  private draft: StoredProject['draft'] = null;
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

  get empty(): boolean {
    return this.edit.segments.length === 0;
  }

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
    this.draft = { id: draft.id, revision: draft.revision };
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

  setSound(sound: Sound | null, startMs = 0): void {
    this.sound = sound;
    this.change({ ...this.edit, sound: sound && { sound: sound.id, start_ms: Math.round(startMs), volume: 1, lead_ms: 0 } });
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
    const take = this.keep(file, { kind: 'video', leadMs: null, backingMs: 0, ...facts, durationMs: facts.durationMs });
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
    this.takes = this.takes.map((one) => (one.id === takeId ? { ...one, width: facts.width, height: facts.height, durationMs: facts.durationMs ?? one.durationMs } : one));
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
    if (!complete(this.edit)) throw new ApiError(422, { code: 'incomplete' });
    await this.save();
    await this.push();
    if (this.conflict || !this.draft) throw new ApiError(409, { code: 'stale_revision' });
    const { video } = await studio.publishDraft(this.draft.id, fieldsOf(this.form));
    return video.id;
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
    this.draft = { id: other.id, revision: other.revision };
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
      const edit = renameSources(rendered(this.edit), (source) => this.take(source)?.uploadId ?? source);
      const title = [...this.form.caption.replaceAll(/\s+/g, ' ').trim()].slice(0, TITLE_CHARS_MAX).join('');
      this.dirty = false;
      const { draft } = this.draft
        ? await studio.saveDraft(this.draft.id, edit, title, this.draft.revision)
        : await studio.createDraft(edit, title);
      if (this.id !== id) return;
      this.draft = { id: draft.id, revision: draft.revision };
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
    const wanted = sourcesOf(this.edit).flatMap((source) => this.take(source) ?? []);
    const missing = wanted.filter((take) => take.uploadId === null);
    const blobs = new Map<string, Blob>();
    for (const take of missing) {
      const blob = await this.bytesOf(take.id);
      if (blob) blobs.set(take.id, blob);
    }
    let before = 0;
    this.sent = { done: 0, total: [...blobs.values()].reduce((sum, blob) => sum + blob.size, 0) };
    for (const [id, blob] of blobs) {
      const uploadId = await send(id, blob, (bytes) => (this.sent = { ...this.sent, done: before + bytes }), this.stopSending.signal);
      before += blob.size;
      this.takes = this.takes.map((take) => (take.id === id ? { ...take, uploadId } : take));
      await this.save();
    }
  }

  private scheduleSync(): void {
    clearTimeout(this.syncTimer);
    if (!session.account || this.conflict || !complete(this.edit)) return;
    this.sync = 'sending';
    this.syncTimer = window.setTimeout(() => void this.push().catch(() => undefined), SYNC_AFTER_MS);
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
    const { kind, durationMs, leadMs, backingMs, width, height } = facts;
    const take: Take = { id: newUuid(), kind, durationMs, leadMs, backingMs, width, height, uploadId: null };
    this.takes = [...this.takes, take];
    this.blobs.set(take.id, blob);
    void local.saveBytes(take.id, blob).catch(() => undefined);
    return take;
  }

  /** Takes over an edit list of the server, whose sources are uploads. */
  private adopt(edit: EditList, known: readonly Take[]): void {
    const voices = new Set(edit.voice_over.map((voice) => voice.source));
    const takes = [...known];
    const nameOf = (uploadId: string): string => {
      const here = takes.find((take) => take.uploadId === uploadId);
      if (here) return here.id;
      const used = [...edit.segments, ...edit.voice_over].filter((one) => one.source === uploadId);
      const durationMs = Math.max(...used.map((one) => one.end_ms));
      const take: Take = { id: newUuid(), kind: voices.has(uploadId) ? 'voice' : 'video', durationMs, leadMs: null, backingMs: 0, uploadId, width: 0, height: 0 };
      takes.push(take);
      return take.id;
    };
    const layout: EditList['layout'] = edit.layout.kind === 'single' ? { kind: 'single' } : edit.layout;
    this.edit = renameSources({ ...edit, layout }, nameOf);
    this.takes = takes;
    this.noteHistory();
  }
}

function fieldsOf(form: PublishForm): PublishFields {
  return {
    caption: form.caption.trim(),
    ...(form.language ? { language: form.language } : {}),
    ai_generated: form.aiGenerated,
    ...(form.altText.trim() ? { alt_text: form.altText.trim() } : {}),
    sound_consent: form.soundConsent,
    reuse_consent: form.reuseConsent,
    ...(form.publishAt ? { publish_at: new Date(form.publishAt).toISOString() } : {}),
  };
}

export const project = new Project();
project.reset();

/** Re-edits a published video of one's own. */
export async function editAgain(videoId: string): Promise<void> {
  const { draft } = await studio.editAgain(videoId);
  await project.openDraft(draft);
}

