import FilePenLine from '@lucide/svelte/icons/file-pen-line';
import type { Page } from '../registry';

export const page: Page = {
  id: 'config',
  title: { en: 'Configuration', es: 'Configuración' },
  icon: FilePenLine,
  routes: ['/config'],
  section: 'manage',
  order: 10,
  key: 'c',
  load: () => import('./Config.svelte'),
};
