import History from '@lucide/svelte/icons/history';
import type { Page } from '../registry';

export const page: Page = {
  id: 'activity',
  title: { en: 'Activity', es: 'Actividad' },
  icon: History,
  routes: ['/activity', '/activity/:id'],
  section: 'operate',
  order: 10,
  key: 'a',
  load: () => import('./Activity.svelte'),
};
