/** From the schema of the file to a form for a model or for everything else, and back to values. Pure. */
import { type Json, type Schema as FormSchema, type Values } from '$lib/form/schema';
import type { Schema } from '$lib/editor/complete';

export type Document = Record<string, unknown>;
type Part = Schema & { required?: string[]; minimum?: number; else?: Schema };

/** What forms do not show: they are lists of their own, or older places of other keys. */
const NOT_HERE = ['models'];

/** The schema of the form, for the values that are there; a model's, or without one that of the whole file. */
export function formSchema(root: Schema, model: boolean, values: Document): FormSchema {
  const wanted = model ? (root.properties?.models?.additionalProperties as Part | undefined) : (root as Part);
  return wanted ? object(wanted, values, true) : { type: 'object', properties: {} };
}

function object(schema: Part, values: Document, isTop = false): FormSchema {
  const shown = Object.entries(schema.properties ?? {}).filter(
    ([key, each]) => !each.deprecated && !(isTop && NOT_HERE.includes(key)),
  );
  const properties = Object.fromEntries(shown.map(([key, each]) => [key, field(each as Part, values[key], isTop)]));
  const branches = (schema.allOf ?? []).map((each) => branch(each as Part, values));
  return {
    type: 'object',
    properties,
    required: schema.required ?? [],
    ...(branches.length ? { allOf: branches } : {}),
  };
}

/** The keys that come with another choice; the condition stays. */
function branch(schema: Part, values: Document): FormSchema {
  return {
    if: schema.if as FormSchema,
    then: schema.then ? { properties: object(schema.then as Part, values).properties } : {},
  };
}

function field(schema: Part, value: unknown, isTop: boolean): FormSchema {
  const one = plain(schema);
  const standard =
    schema.default === undefined || schema.default === '' ? {} : { 'x-placeholder': String(schema.default) };
  const notes = { description: schema.description, ...standard };
  const isMacro = typeof value === 'string' && value.includes('${');
  if (isMacro && one.type !== 'object' && one.type !== 'array') return { ...notes, type: 'string' };
  if (one.enum) return { ...notes, enum: one.enum as Json[], 'x-free': false };
  switch (one.type) {
    case 'boolean':
      return { ...notes, type: ['boolean', 'null'] };
    case 'integer':
    case 'number':
      return { ...notes, type: one.type, minimum: one.minimum };
    case 'array': {
      const isTexts = plain((one.items ?? {}) as Part).type === 'string';
      return isTexts
        ? { ...notes, type: 'array', items: { type: 'string' }, 'x-widget': 'args', 'x-advanced': isTop && !value }
        : { ...notes, 'x-advanced': isTop && !value };
    }
    case 'object':
      return one.properties && isTop
        ? { ...object(one, isRecord(value) ? value : {}), ...notes, 'x-advanced': !value }
        : { ...notes, 'x-advanced': isTop && !value };
    case 'string':
      return { ...notes, type: 'string', ...(isLong(value) ? { 'x-widget': 'textarea' } : {}) };
    default:
      return notes;
  }
}

/** The real kind of a value that may also be a macro, or written in another way. */
function plain(schema: Part): Part {
  const [only] = (schema.anyOf ?? []).filter((each) => !isWayOfWriting(each)) as Part[];
  if (only) return plain(only);
  const types = [schema.type].flat().filter((each) => each !== 'null');
  if (types.includes('string')) return { ...schema, type: 'string' };
  return { ...schema, type: types[0] };
}

const isWayOfWriting = (schema: Schema & { pattern?: string }): boolean =>
  schema.type === 'null' || schema.pattern !== undefined;
const isLong = (value: unknown): boolean => typeof value === 'string' && (value.length > 60 || value.includes('\n'));

/** The values of a form as they were when it was made: a form fills in what is empty. */
export const sectionOf = (document: Document, model: string): Document => {
  if (!model) return document;
  const models = document.models;
  const found = isRecord(models) ? models[model] : undefined;
  return isRecord(found) ? found : {};
};

/** Put what has changed in a form into its section; what the form never showed, and what is as it was, stays. */
export function merged(section: Document, before: Values, after: Values): Document {
  const next: Document = { ...section };
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[key], after[key]];
    if (same(was, is)) continue;
    const old = section[key];
    if (isRecord(is) && isRecord(was)) {
      const inner = merged(isRecord(old) ? old : {}, was as Values, is as Values);
      if (Object.keys(inner).length) next[key] = inner;
      else delete next[key];
    } else if (isNothing(is)) delete next[key];
    else next[key] = is;
  }
  return next;
}

/** The document with another section. */
export function withSection(document: Document, model: string, section: Document): Document {
  if (!model) return section;
  const models = isRecord(document.models) ? document.models : {};
  return { ...document, models: { ...models, [model]: section } };
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && !value.length);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
