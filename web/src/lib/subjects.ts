/** What videos are about: how a subject is written for people, and which videos it covers. */
import type { Subject } from './api/recommender.ts';
import type { Video } from './api/types.ts';
import { captionParts } from './format.ts';
import { languageName } from './i18n/formats.ts';
import { i18n } from './i18n/index.svelte.ts';

/** The tags of a caption as the server holds them: lower-case, without the sign, each once. */
export function tagsOf(caption: string): string[] {
  const tags = captionParts(caption).filter((part) => part.tag);
  return [...new Set(tags.map((part) => part.text.slice(1).toLowerCase()))];
}

/** The label without the sign in front, a language by its name; from the video where the server only gave an id. */
export function bareLabel({ kind, id, label }: Subject, video?: Video): string {
  if (kind === 'creator') return (label ?? (id === video?.creator.id ? video?.creator.handle : undefined) ?? '').replace(/^@/, '');
  if (kind === 'tag') return (label ?? id ?? '').replace(/^#/, '');
  if (kind === 'sound') return label ?? (id === video?.sound?.id ? video?.sound?.title : undefined) ?? '';
  if (kind === 'language') return spokenIn(label ?? id ?? '');
  return label ?? '';
}

/** A subject that stands alone: `@mira`, `#cats`, `“Harbour”`. Empty where it has no name. */
export function subjectName(subject: Subject, video?: Video): string {
  if (video?.sound && subject.id === video.sound.id && video.sound.video_id === video.id) return i18n.m.feed.originalSound(`@${video.creator.handle}`);
  const label = bareLabel(subject, video);
  if (!label) return '';
  if (subject.kind === 'creator') return `@${label}`;
  if (subject.kind === 'tag') return `#${label}`;
  if (subject.kind === 'language') return label;
  return i18n.locale === 'de' ? `„${label}“` : `“${label}”`;
}

export function sameSubject(a: Subject, b: Subject): boolean {
  if (a.kind !== b.kind) return false;
  return a.id !== undefined && b.id !== undefined ? a.id === b.id : bareLabel(a).toLowerCase() === bareLabel(b).toLowerCase();
}

/** Everything about a video that a viewer can turn down. */
export function subjectsOf(video: Video): Subject[] {
  const { id, creator, sound, caption } = video;
  return [
    { kind: 'video', id },
    { kind: 'creator', id: creator.id, label: creator.handle },
    ...(sound ? [{ kind: 'sound', id: sound.id, label: sound.title }] : []),
    ...tagsOf(caption).map((label) => ({ kind: 'tag', label })),
  ];
}

export function isAbout(video: Video, subject: Subject): boolean {
  return subjectsOf(video).some((one) => sameSubject(one, subject));
}

function spokenIn(tag: string): string {
  try {
    return languageName(tag);
  } catch {
    return tag;
  }
}
