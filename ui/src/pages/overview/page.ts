import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard';
import type { Page } from '../registry';

export const page: Page = {
  id: 'overview',
  title: { en: 'Overview', es: 'Resumen' },
  icon: LayoutDashboard,
  routes: ['/'],
  section: 'use',
  order: 10,
  key: 'o',
  load: () => import('./Overview.svelte'),
};
