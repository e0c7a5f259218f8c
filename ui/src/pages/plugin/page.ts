import Puzzle from '@lucide/svelte/icons/puzzle';
import type { Page } from '../registry';

/** Pages of plugins: what the manifest puts at a route below `/x/`. */
export const page: Page = {
  id: 'plugin-page',
  title: { en: 'Plugin', es: 'Complemento' },
  icon: Puzzle,
  routes: ['/x/*'],
  load: () => import('./PluginPage.svelte'),
};
