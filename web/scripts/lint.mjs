// Rules of this client that no compiler knows. Each is one line to read and one to obey.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LINES_MAX = 400;
const root = new URL('../src', import.meta.url).pathname;
const problems = [];

for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(ts|svelte)$/.test(entry.name) || entry.name === 'schema.gen.ts') continue;
  const path = join(entry.parentPath, entry.name);
  const name = path.slice(root.length + 1);
  const text = readFileSync(path, 'utf8');
  const say = (rule) => problems.push(`${name}: ${rule}`);
  if (text.split('\n').length > LINES_MAX) say(`more than ${LINES_MAX} lines; split it`);
  if (/\{@html/.test(text) && !name.endsWith('components/Icon.svelte')) say('{@html} only in Icon.svelte');
  if (/console\.(log|debug)/.test(text)) say('no console output');
  if (/\b(TODO|FIXME|XXX)\b/.test(text)) say('no open ends in the code');
  if (/: any\b|as any\b/.test(text)) say('no `any`');
  if (/(?<![.\w])fetch\(/.test(text) && !/(api\/(client|studio)|service-worker|managers\/feed\.svelte)\.ts$/.test(name)) say('HTTP only in api/');
  if (/lib\/components\//.test(name) && /^\s*import (?!type).*from '\$lib\/api\//m.test(text)) say('components do not talk to the server');
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
