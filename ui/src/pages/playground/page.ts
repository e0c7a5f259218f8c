import MessagesSquare from '@lucide/svelte/icons/messages-square';
import type { Page } from '../registry';

export const page: Page = {
  id: 'playground',
  title: { en: 'Playground', es: 'Pruebas' },
  icon: MessagesSquare,
  routes: ['/playground', '/playground/:tab'],
  section: 'use',
  order: 20,
  keep: true,
  key: 'p',
  load: () => import('./Playground.svelte'),
};
