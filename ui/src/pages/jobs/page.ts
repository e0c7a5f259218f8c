import ListChecks from '@lucide/svelte/icons/list-checks';
import type { Page } from '../registry';

export const page: Page = {
  id: 'jobs',
  title: { en: 'Jobs', es: 'Trabajos' },
  icon: ListChecks,
  routes: ['/jobs', '/jobs/:id'],
  section: 'operate',
  order: 30,
  key: 'j',
  load: () => import('./Jobs.svelte'),
};
