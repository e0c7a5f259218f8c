import { expect, test } from 'vitest';
import { fill } from '../src/i18n/catalogue.svelte';

type Texts = Record<string, string>;
const found = import.meta.glob<Record<string, Texts>>('../src/**/{en,es}.ts', { eager: true });
const folders = [...new Set(Object.keys(found).map((path) => path.replace(/\/e[ns]\.ts$/, '')))];
const texts = (folder: string, language: 'en' | 'es') => found[`${folder}/${language}.ts`]?.[language] ?? {};
const places = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

test.each(folders)('both languages of %s say the same things with the same values', (folder) => {
  const [en, es] = [texts(folder, 'en'), texts(folder, 'es')];
  expect(Object.keys(en).length).toBeGreaterThan(0);
  expect(Object.keys(es).sort()).toEqual(Object.keys(en).sort());
  for (const key of Object.keys(en)) expect([key, places(es[key] ?? '')]).toEqual([key, places(en[key] ?? '')]);
});

test('values are filled in, and a number chooses its word', () => {
  expect(fill('{n} {n|model|models} of {who}', { n: 1, who: 'me' }, 'en')).toBe('1 model of me');
  expect(fill('{n} {n|model|models}', { n: 1200 }, 'en')).toBe('1,200 models');
});
