import Settings from '@lucide/svelte/icons/settings';
import type { Page } from '../registry';

export const page: Page = {
  id: 'settings',
  title: { en: 'Settings', es: 'Ajustes' },
  icon: Settings,
  routes: ['/settings'],
  section: 'manage',
  order: 90,
  level: 'simple',
  key: 's',
  load: () => import('./Settings.svelte'),
};
