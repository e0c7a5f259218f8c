export const en = {
  title: 'Connect an app',
  subtitle: 'Programs that speak OpenAI’s or Anthropic’s API use the models here.',
  addresses: 'Addresses',
  openai: 'OpenAI’s API',
  anthropic: 'Anthropic’s API',
  key: 'Key',
  keyNeeded: 'one of the keys of the configuration',
  keyFree: 'none is asked for; where one must be given, any will do',
  local:
    'This address is this machine’s own. For other machines, start swaplab with another --listen and give it keys.',
  loads: 'A model is loaded when the first request names it; the list of models is at /v1/models.',
  paste: 'To paste',
  model: 'Model',
  none: 'No models are configured',
  noneText: 'Add one to the configuration, and what to paste for it stands here.',
  toConfig: 'Configuration',
} as const;
