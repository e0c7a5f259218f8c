export const en = {
  title: 'Logs',
  sources: 'Sources',
  proxy: 'swaplab',
  models: 'All models',
  job: 'job',
  most: 'at most {n} of jobs and machines at once',
} as const;
