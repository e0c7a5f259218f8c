import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  title: 'Registros',
  sources: 'Fuentes',
  proxy: 'swaplab',
  models: 'Todos los modelos',
  job: 'trabajo',
  most: 'como mucho {n} de trabajos y máquinas a la vez',
};
