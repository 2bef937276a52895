import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { startApp } from './lib/managers/app.ts';
import { preferences } from './lib/managers/preferences.svelte.ts';
import { router } from './router.svelte.ts';

// Session and language are asked for side by side; the page does not wait for the first.
router.start();
startApp();
await preferences.load();

const target = document.getElementById('app');
if (target) mount(App, { target });

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // After the page has loaded, so that the worker's own fetches do not compete with the first video.
  const register = () => void navigator.serviceWorker.register('/service-worker.js').catch(() => undefined);
  if (document.readyState === 'complete') register();
  else addEventListener('load', register, { once: true });
}
