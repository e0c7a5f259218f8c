import Cable from '@lucide/svelte/icons/cable';
import type { Page } from '../registry';

export const page: Page = {
  id: 'connect',
  title: { en: 'Connect an app', es: 'Conectar una aplicación' },
  icon: Cable,
  routes: ['/connect'],
  section: 'use',
  order: 40,
  load: () => import('./Connect.svelte'),
};
