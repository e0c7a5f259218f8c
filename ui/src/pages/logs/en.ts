export const en = {
  title: 'Logs',
  sources: 'Sources',
  proxy: 'swaplab',
  models: 'All models',
} as const;
