import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  required: 'Complete este campo',
  number: 'Debe ser un número',
  whole: 'Debe ser un número entero',
  least: 'No menos de {limit}',
  most: 'No más de {limit}',
  pattern: 'No tiene la forma esperada',
  json: 'No es JSON válido',
  advanced: 'Avanzado',
  documentation: 'Documentación',
  restart: 'Un cambio reinicia el modelo',
  optional: 'opcional',
  add: 'Añadir',
  remove: 'Quitar',
  choose: 'Elegir …',
  auto: 'automático',
  secretKept: 'guardado; déjelo vacío para conservarlo',
  optionsFailed: 'No se pudieron cargar las opciones: {reason}',
  show: 'Mostrar',
  hide: 'Ocultar',
  numbers: 'Números separados por comas',
};
