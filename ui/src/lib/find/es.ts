import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  none: 'no está',
  of: '{n} de {all}',
  keys: 'Intro: el siguiente, Mayús+Intro: el anterior, Escape: empezar de nuevo',
  next: 'El siguiente',
  before: 'El anterior',
};
