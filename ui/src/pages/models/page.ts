import Boxes from '@lucide/svelte/icons/boxes';
import type { Page } from '../registry';

export const page: Page = {
  id: 'models',
  title: { en: 'Models', es: 'Modelos' },
  icon: Boxes,
  routes: ['/models', '/models/:id'],
  section: 'use',
  order: 30,
  key: 'm',
  load: () => import('./Models.svelte'),
};
