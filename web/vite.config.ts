import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vitest/config';

const require = createRequire(import.meta.url);

/**
 * `import heart from 'icon:heart'` gives the inner markup of one Lucide icon.
 * Only the shapes are bundled; size, stroke and colour come from `Icon.svelte`.
 */
function icons(): Plugin {
  return {
    name: 'takt-icons',
    resolveId: (id) => (id.startsWith('icon:') ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith('\0icon:')) return null;
      const svg = readFileSync(require.resolve(`lucide-static/icons/${id.slice(6)}.svg`), 'utf8');
      const inner = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1] ?? '';
      return `export default ${JSON.stringify(inner.replace(/\s+/g, ' ').replace(/> </g, '><').trim())}`;
    },
  };
}

/** Files the service worker fetches at install time; everything else is cached on first use. */
const PRECACHED = /^assets\/(index|app|style|en|de)-.*\.(js|css)$/;

/**
 * Parts of Svelte's runtime that only lazy pages use (forms, copies of state). Its one index names them
 * all, so a bundler takes them for a part of the first load; they travel with the pages instead.
 */
const LATER = /svelte\/src\/internal\/(client\/dom\/elements\/(bindings\/(select|input)|custom-element)|shared\/clone)\.js$/;

/**
 * Builds `service-worker.ts` to the fixed name `/service-worker.js` and writes the list of
 * hashed files into it, so that every build has its own cache and old ones are dropped.
 */
function serviceWorker(): Plugin {
  return {
    name: 'takt-service-worker',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: 'src/service-worker.ts', fileName: 'service-worker.js' });
    },
    // Once everything is written: only then are the final names known.
    writeBundle(options, bundle) {
      const names = Object.keys(bundle);
      const files = names.filter((name) => PRECACHED.test(name)).map((name) => `/${name}`);
      const version = createHash('sha256').update(names.sort().join()).digest('hex').slice(0, 12);
      const path = join(options.dir ?? 'dist', 'service-worker.js');
      const code = readFileSync(path, 'utf8')
        .replace('__TAKT_VERSION__', version)
        .replace(/["'`]__TAKT_PRECACHE__["'`]/, JSON.stringify(['/', ...files, '/icons/mark.svg']));
      writeFileSync(path, code);
    },
  };
}

export default defineConfig({
  plugins: [icons(), svelte(), serviceWorker()],
  resolve: { alias: { $lib: new URL('./src/lib', import.meta.url).pathname } },
  build: {
    target: 'es2022',
    manifest: 'manifest.json',
    // One style sheet and one chunk for the first load; lazy pages import from it.
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: LATER, sideEffects: false }] },
      output: { codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: 'app', tags: ['$initial'], test: (id) => !id.includes('service-worker') && !LATER.test(id) }] } },
    },
    // Nothing inline: the content security policy allows scripts and styles from files only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 200,
  },
  server: {
    proxy: {
      '/api': { target: 'http://127.0.0.1:8080', changeOrigin: false },
      '/media': { target: 'http://127.0.0.1:8080', changeOrigin: false },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
