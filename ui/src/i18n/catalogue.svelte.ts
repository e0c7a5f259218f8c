/** Texts by key, in two languages, with typed keys and typed `{values}`. */
import { prefs } from '../lib/state/prefs.svelte';

/** `{name}` takes a value; `{n|model|models}` chooses by the number n. */
type Names<S extends string> = S extends `${string}{${infer Inner}}${infer Rest}`
  ? (Inner extends `${infer Name}|${string}` ? Name : Inner) | Names<Rest>
  : never;
type Values<S extends string> = [Names<S>] extends [never] ? [] : [values: Record<Names<S>, string | number>];
type Texts = Record<string, string>;

export type Translate<E extends Texts> = <K extends keyof E & string>(key: K, ...values: Values<E[K]>) => string;

/** Make a `t` for some texts: English is the measure, the other language has exactly its keys. */
export function catalogue<const E extends Texts>(en: E, es: { readonly [K in keyof E]: string }): Translate<E> {
  return (key, ...values) => fill((prefs.language === 'es' ? es : en)[key] as string, values[0] ?? {}, prefs.language);
}

const PLACE = /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g;

export function fill(text: string, values: Record<string, string | number>, language: string): string {
  return text.replace(PLACE, (whole, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one === undefined || many === undefined)
      return typeof value === 'number' ? value.toLocaleString(language) : value;
    return Number(value) === 1 ? one : many;
  });
}
