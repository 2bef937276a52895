/** A small router: paths to pages, links intercepted, scroll position kept for going back. */
import { tick } from 'svelte';

export type PageName =
  | 'feed'
  | 'video'
  | 'manage'
  | 'profile'
  | 'upload'
  | 'create'
  | 'sound'
  | 'sign-in'
  | 'sign-up'
  | 'recover'
  | 'settings'
  | 'taste'
  | 'not-found';

export interface Route {
  page: PageName;
  path: string;
  params: Record<string, string>;
}

const patterns: [PageName | null, RegExp][] = [
  ['feed', /^\/(?<kind>following|popular|latest)?\/?$/],
  ['video', /^\/v\/(?<id>[^/]+)\/?$/],
  ['manage', /^\/v\/(?<id>[^/]+)\/manage\/?$/],
  ['profile', /^\/@(?<handle>[^/]+)\/?$/],
  ['sound', /^\/sounds\/(?<id>[^/]+)\/?$/],
  ['taste', /^\/settings\/taste\/?$/],
  // Pages whose address is their name.
  [null, /^\/(?<page>create|upload|sign-in|sign-up|recover|settings)\/?$/],
];

export function match(path: string): Route {
  for (const [page, pattern] of patterns) {
    const found = pattern.exec(path);
    if (!found) continue;
    const params: Record<string, string> = {};
    for (const [name, value] of Object.entries(found.groups ?? {})) {
      if (value !== undefined) params[name] = decode(value);
    }
    return { page: page ?? (params['page'] as PageName), path, params };
  }
  return { page: 'not-found', path, params: {} };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

class Router {
  route = $state.raw<Route>(match('/'));
  /** Number of steps taken inside the app: whether "back" stays in it. */
  private depth = 0;

  start(): void {
    this.route = match(location.pathname);
    history.scrollRestoration = 'manual';
    addEventListener('popstate', (event) => {
      this.depth = Math.max(0, this.depth - 1);
      this.route = match(location.pathname);
      const y = (event.state as { y?: number } | null)?.y ?? 0;
      void tick().then(() => requestAnimationFrame(() => scrollTo(0, y)));
    });
    document.addEventListener('click', (event) => this.follow(event));
  }

  go(path: string, options: { replace?: boolean } = {}): void {
    const url = new URL(path, location.origin);
    if (!options.replace) {
      history.replaceState({ ...(history.state as object), y: scrollY }, '');
      history.pushState({}, '', url);
      this.depth += 1;
    } else {
      history.replaceState({}, '', url);
    }
    this.route = match(url.pathname);
    void tick().then(() => {
      scrollTo(0, 0);
      // Keyboard and screen reader go on at the new page, not at the link that is gone.
      document.querySelector<HTMLElement>('[data-page-focus]')?.focus({ preventScroll: true });
    });
  }

  /** Changes the address only, without changing the page (the next video on a video page). */
  rename(path: string): void {
    history.replaceState(history.state, '', path);
  }

  back(fallback = '/'): void {
    if (this.depth > 0) history.back();
    else this.go(fallback, { replace: true });
  }

  private follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    event.preventDefault();
    if (link.pathname + link.search !== location.pathname + location.search) this.go(link.pathname + link.search);
  }
}

export const router = new Router();
