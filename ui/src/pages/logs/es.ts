import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  title: 'Registros',
  sources: 'Fuentes',
  proxy: 'swaplab',
  models: 'Todos los modelos',
};
