import ChartGantt from '@lucide/svelte/icons/chart-gantt';
import type { Page } from '../registry';

export const page: Page = {
  id: 'timeline',
  title: { en: 'Swap timeline', es: 'Línea de cambios' },
  icon: ChartGantt,
  routes: ['/timeline'],
  section: 'operate',
  order: 20,
  key: 't',
  load: () => import('./Timeline.svelte'),
};
