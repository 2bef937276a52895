// Fails the build when the feed's first load needs more script than the budget allows.
// Counted: the entry, everything it imports statically, and the largest language chunk.
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';

const BUDGET_BYTES = 45 * 1000;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', dist), 'utf8'));

// The entry is what the page names; the manifest knows what that imports.
const page = readFileSync(new URL('index.html', dist), 'utf8');
const entries = [...page.matchAll(/<script[^>]+src="\/([^"]+)"/g)].map((found) => found[1]);
const keys = Object.keys(manifest).filter((key) => entries.includes(manifest[key].file));
if (keys.length === 0) throw new Error('dist/index.html names no script of the manifest');

function collect(key, seen) {
  const entry = manifest[key];
  if (!entry || seen.has(entry.file)) return seen;
  seen.add(entry.file);
  for (const next of entry.imports ?? []) collect(next, seen);
  return seen;
}

const size = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const files = new Set();
for (const key of keys) collect(key, files);
const languages = Object.keys(manifest).filter((key) => /i18n\/[a-z]{2}\.ts$/.test(key));
const language = languages.map((key) => manifest[key].file).sort((a, b) => size(b) - size(a))[0];
if (language) files.add(language);

const total = [...files].reduce((sum, file) => sum + size(file), 0);
for (const file of files) console.log(`${String(size(file)).padStart(7)} B gzip  ${file}`);
console.log(`${String(total).padStart(7)} B gzip  first load of the feed, budget ${BUDGET_BYTES}`);
if (total > BUDGET_BYTES) {
  console.error('The first load is over its budget: load something lazily.');
  process.exit(1);
}
