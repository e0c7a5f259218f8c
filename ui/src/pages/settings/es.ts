import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  title: 'Ajustes',
  look: 'Aspecto',
  theme: 'Tema',
  system: 'El del sistema',
  light: 'Claro',
  dark: 'Oscuro',
  language: 'Idioma',
  name: 'Nombre de este servidor',
  nameHelp: 'Aparece en el menú y en el título de la pestaña, solo en este navegador.',
  access: 'Acceso',
  role: 'Usted es',
  login: 'Entrar con una clave',
  logout: 'Cerrar sesión',
  about: 'Acerca de',
  version: 'Versión',
  commit: 'Commit',
  built: 'Compilado',
  licences: 'Licencias de las bibliotecas de estas páginas',
};
