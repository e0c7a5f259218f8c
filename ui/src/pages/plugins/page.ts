import Puzzle from '@lucide/svelte/icons/puzzle';
import type { Page } from '../registry';

export const page: Page = {
  id: 'plugins',
  title: { en: 'Plugins', es: 'Complementos' },
  icon: Puzzle,
  routes: ['/plugins', '/plugins/:id'],
  section: 'manage',
  order: 80,
  load: () => import('./Plugins.svelte'),
};
