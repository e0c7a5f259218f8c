import { catalogue } from '$i18n';
import type { JobState } from '../api/jobs';
import { en } from './en';
import { es } from './es';

export const t = catalogue(en, es);
export const LOOK: Record<JobState, string> = {
  scheduled: '',
  queued: 'warn',
  running: 'info',
  succeeded: 'ok',
  failed: 'error',
  cancelled: '',
  interrupted: 'error',
};
