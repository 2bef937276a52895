import { ApiError } from '../api/client.ts';
import { errorText } from '../errors.ts';
import { i18n } from '../i18n/index.svelte.ts';
import { router } from '../../router.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Says why following did not work, with the way in for those who have no account yet. */
export function followFailed(error: unknown): void {
  const stranger = error instanceof ApiError && error.status === 401;
  toasts.show(errorText(error), stranger ? { label: i18n.m.account.signIn, run: () => router.go('/sign-in') } : undefined);
}
