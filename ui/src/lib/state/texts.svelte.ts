/** What plugins say, in the language of the person: English is what they hand over, the rest is looked up by it. */
import { fill } from '../../i18n/catalogue.svelte';
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
  'progress_label',
  'warnings',
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
  if (typeof value === 'string') return isSaid ? translated(value, words) : value;
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

const PLACE = /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g;
/** What `{n}` is; other places are any text. */
const NUMBER = '\\d[\\d.,]*';
const MOST_KNOWN = 5000;
/** Longer ones are no sentences of a plugin, and would keep the patterns busy. */
const MOST_LETTERS = 500;
const MARK = /[\\^$.*+?()[\]{}|]/g;

interface Sentence {
  pattern: RegExp;
  translation: string;
}
interface Sentences {
  all: Sentence[];
  /** What was found for a text before; asked for each cell of each table each time it is drawn. */
  known: Map<string, string>;
}
const sentences = new WeakMap<Dictionary, Sentences>();

/** A text looked up: word for word, or by a sentence with places, `{n} of {all} answer`, that it fits. */
export function translated(text: string, words: Dictionary): string {
  if (Object.hasOwn(words, text)) return words[text] ?? text;
  if (text.length > MOST_LETTERS) return text;
  const { all, known } = sentencesOf(words);
  const before = known.get(text);
  if (before !== undefined) return before;
  if (known.size > MOST_KNOWN) known.clear();
  const found = inSentence(text, all, words);
  known.set(text, found);
  return found;
}

function inSentence(text: string, all: readonly Sentence[], words: Dictionary): string {
  for (const { pattern, translation } of all) {
    const groups = pattern.exec(text)?.groups;
    if (!groups) continue;
    const values = Object.entries(groups).map(([name, value]) => [name, asValue(value, words)]);
    return fill(translation, Object.fromEntries(values) as Record<string, string>, '');
  }
  return text;
}

/** A value may be a sentence of its own, `makes room for {model}: {reason}`; a single word is a name and stays. */
const asValue = (value: string, words: Dictionary) => (value.includes(' ') ? translated(value, words) : value);

function sentencesOf(words: Dictionary): Sentences {
  let found = sentences.get(words);
  if (!found) {
    const keys = Object.keys(words).filter((key) => key.search(PLACE) >= 0);
    const plain = (key: string) => key.replace(PLACE, '').length;
    keys.sort((a, b) => plain(b) - plain(a)); // the most particular first
    const all = keys.map((key) => ({ pattern: patternOf(key), translation: words[key] ?? key }));
    sentences.set(words, (found = { all, known: new Map() }));
  }
  return found;
}

function patternOf(key: string): RegExp {
  const quoted = (text: string) => text.replace(MARK, '\\$&');
  let [source, end] = ['', 0];
  const seen = new Set<string>();
  for (const place of key.matchAll(PLACE)) {
    const [whole, name = '', one, many] = place;
    source += quoted(key.slice(end, place.index));
    if (one !== undefined && many !== undefined) source += `(?:${quoted(one)}|${quoted(many)})`;
    else source += seen.has(name) ? `\\k<${name}>` : `(?<${name}>${name === 'n' ? NUMBER : '.+?'})`;
    if (one === undefined) seen.add(name);
    end = place.index + whole.length;
  }
  return new RegExp(`^${source}${quoted(key.slice(end))}$`, 's');
}

class Texts {
  words = $state.raw<Dictionary>({});
  /** One text that the server has said. */
  say(text: string): string {
    return text && translated(text, this.words);
  }
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
