/** What plugins say, in the language of the person: English is what they hand over, the rest is looked up by it. */
import { api, isAbort } from '../api/client';
import { prefs } from './prefs.svelte';

export type Dictionary = Readonly<Record<string, string>>;

/** What is said to people stands under these names; all else is for machines and stays as it is. */
const SAID = new Set([
  'title',
  'subtitle',
  'label',
  'text',
  'description',
  'help',
  'placeholder',
  'empty',
  'reason',
  'group',
  'x-help',
  'x-placeholder',
  'x-group',
]);

/** The same value with its texts looked up; what is not known stays. Values that nothing changes in are the same ones. */
export function said<T>(value: T, words: Dictionary): T {
  return (Object.keys(words).length ? look(value, words, false) : value) as T;
}

function look(value: unknown, words: Dictionary, isSaid: boolean): unknown {
  if (typeof value === 'string') return isSaid && Object.hasOwn(words, value) ? words[value] : value;
  if (Array.isArray(value)) {
    const list = value.map((each) => look(each, words, isSaid));
    return list.some((each, at) => each !== value[at]) ? list : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const changed = Object.entries(value).flatMap(([key, each]) => {
    const next = look(each, words, SAID.has(key));
    return next === each ? [] : [[key, next] as const];
  });
  return changed.length ? { ...value, ...Object.fromEntries(changed) } : value;
}

class Texts {
  words = $state.raw<Dictionary>({});
  of<T>(value: T): T {
    return said(value, this.words);
  }
}
export const texts = new Texts();

/** Fetch the words of the language that is set, again when it changes. Call inside a component. */
export function followTexts(): void {
  $effect(() => {
    if (prefs.language === 'en') return void (texts.words = {});
    const controller = new AbortController();
    api.get<{ texts?: Dictionary }>(`api/ui/texts/${prefs.language}`, { signal: controller.signal }).then(
      (found) => (texts.words = found.texts ?? {}),
      (error: unknown) => !isAbort(error) && (texts.words = {}), // an older server: all stays English
    );
    return () => controller.abort();
  });
}
