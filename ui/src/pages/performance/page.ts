import Gauge from '@lucide/svelte/icons/gauge';
import type { Page } from '../registry';

export const page: Page = {
  id: 'performance',
  title: { en: 'Performance', es: 'Rendimiento' },
  icon: Gauge,
  routes: ['/performance', '/performance/:tab'],
  section: 'operate',
  order: 40,
  load: () => import('./Performance.svelte'),
};
