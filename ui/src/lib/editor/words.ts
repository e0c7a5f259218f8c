import { catalogue } from '$i18n';
import { en } from './en';
import { es } from './es';

export const t = catalogue(en, es);
