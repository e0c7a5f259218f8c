import type { en } from './en';

export const es: { [K in keyof typeof en]: string } = {
  title: 'Conectar una aplicación',
  subtitle: 'Los programas que hablan la API de OpenAI o de Anthropic usan los modelos de aquí.',
  addresses: 'Direcciones',
  openai: 'API de OpenAI',
  anthropic: 'API de Anthropic',
  key: 'Clave',
  keyNeeded: 'una de las claves de la configuración',
  keyFree: 'no se pide ninguna; donde haya que dar una, vale cualquiera',
  local: 'Esta dirección es de esta misma máquina. Para otras, arranque swaplab con otro --listen y dele claves.',
  loads: 'Un modelo se carga cuando lo nombra la primera petición; la lista de modelos está en /v1/models.',
  paste: 'Para pegar',
  model: 'Modelo',
  none: 'No hay modelos configurados',
  noneText: 'Añada uno a la configuración y aquí aparecerá lo que hay que pegar.',
  toConfig: 'Configuración',
};
