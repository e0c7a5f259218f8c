import type { en } from './en';

export const es: Record<keyof typeof en, string> = {
  title: 'Complementos',
  subtitle: '{n} {n|entrada|entradas} de {dists} {dists|distribución|distribuciones}',
  ok: 'Funciona',
  degraded: 'Con problemas',
  failed: 'Falló',
  version: 'Versión {version}',
  gives: 'Ofrece',
  hooks: 'Ganchos',
  settings: 'Ajustes',
  onPages: 'En las páginas',
  views: '{n} {n|vista|vistas}',
  actions: '{n} {n|acción|acciones}',
  modules: '{n} {n|módulo|módulos}',
  tooNew: 'Estas páginas son más antiguas que lo que dicen los complementos; puede que no se muestre todo.',
  manifestFailed: 'No se pudo leer lo que los complementos añaden a estas páginas',
  noneTitle: 'No hay complementos',
  howTo: 'Los complementos son paquetes de Python: instale uno en el entorno de swaplab y vuelva a iniciarlo.',
  checks: 'Comprobaciones',
  checkAgain: 'Comprobar otra vez',
  bundle: 'Paquete para un informe',
  bundleHelp:
    'Versiones, extensiones, comprobaciones, configuración, máquina y registro en un archivo; los secretos se ocultan',
  'health.ok': 'Bien',
  'health.warning': 'Aviso',
  'health.error': 'Error',
};
