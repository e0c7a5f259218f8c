import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  conflict: 'Otra persona ha guardado mientras tanto',
  conflictText:
    'A la izquierda lo que está en vigor, a la derecha lo que usted ha escrito. Pase lo que quiera y guarde de nuevo.',
  keepMine: 'Seguir con este texto',
  text: 'Texto de {path}',
  save: 'Guardar',
  saved: 'Guardado',
  changes: 'Qué cambia',
  undo: 'Descartar mis cambios',
  undoText: 'Se pierde lo que ha escrito aquí desde la última vez que guardó.',
  leave: '¿Salir sin guardar?',
  leaveText: 'Se pierde lo que ha escrito aquí.',
  leaveYes: 'Salir',
  noProblems: 'Sin problemas',
  problems: '{n} {n|problema|problemas}',
  errors: '{n} {n|error|errores}',
  goto: 'Ir a la línea {line}',
  readOnly: 'Aquí se puede leer y no cambiar.',
  copied: 'Al guardar se hace una copia suya; el original queda como está.',
  keys: 'Ctrl-Espacio completa · Ctrl-S guarda · Ctrl-F busca',
  noChanges: 'Ninguna diferencia',
};
