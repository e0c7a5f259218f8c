import ScrollText from '@lucide/svelte/icons/scroll-text';
import type { Page } from '../registry';

export const page: Page = {
  id: 'logs',
  title: { en: 'Logs', es: 'Registros' },
  icon: ScrollText,
  routes: ['/logs'],
  section: 'operate',
  order: 20,
  key: 'l',
  load: () => import('./Logs.svelte'),
};
