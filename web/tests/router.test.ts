import { describe, expect, it } from 'vitest';
import { match } from '../src/router.svelte.ts';

describe('addresses', () => {
  it('lead to their pages', () => {
    const pages = ['/', '/latest', '/v/1', '/@ada', '/create', '/create/', '/upload', '/sounds/7', '/settings', '/settings/taste', '/sign-in', '/recover', '/no/such', '/creates'];
    expect(pages.map((path) => match(path).page)).toEqual(
      ['feed', 'feed', 'video', 'profile', 'create', 'create', 'upload', 'sound', 'settings', 'taste', 'sign-in', 'recover', 'not-found', 'not-found'],
    );
    expect(match('/sounds/a%20b').params).toEqual({ id: 'a b' });
  });
});
