/**
 * Forms from JSON Schema 2020-12 with `x-` hints: which fields there are, in which order and groups, which are shown,
 * and a courteous check before the server's. Pure. What is not understood stays a plain text or JSON field.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Values = Record<string, Json>;

export interface Options {
  url: string;
  value?: string;
  label?: string;
  group?: string;
  depends_on?: string[];
}

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  enum?: Json[];
  const?: Json;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  if?: Schema;
  then?: Schema;
  else?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  readOnly?: boolean;
  writeOnly?: boolean;
  'x-widget'?: string;
  'x-options'?: Options;
  'x-free'?: boolean;
  'x-group'?: string;
  'x-order'?: number;
  'x-advanced'?: boolean;
  'x-show-if'?: Record<string, Json>;
  'x-placeholder'?: string;
  'x-help'?: string;
  'x-doc-url'?: string;
  'x-cli'?: string;
  'x-unit'?: string;
  'x-restart'?: boolean;
  'x-persist'?: boolean;
}

export interface FormField {
  key: string;
  /** JSON pointer. */
  path: string;
  schema: Schema;
  required: boolean;
}

/** Follow `$ref` within the document, and take the one real member of a union with null. */
export function resolved(schema: Schema, root: Schema, depth = 0): Schema {
  if (schema.$ref && depth < 20) {
    const target = at(root as unknown as Json, schema.$ref.replace(/^#/, '')) as unknown as Schema | undefined;
    const { $ref: _, ...rest } = schema;
    return target ? resolved({ ...target, ...rest }, root, depth + 1) : rest;
  }
  const members = schema.anyOf?.filter((member) => member.type !== 'null');
  const [only] = members ?? [];
  if (only && members?.length === 1) {
    const { anyOf: _, ...rest } = schema;
    return resolved({ ...only, ...rest }, root, depth + 1);
  }
  return schema;
}

/** The fields of an object, those of `if`/`then`/`else` that apply now included, in their order. */
export function fieldsOf(schema: Schema, root: Schema, values: Values, base = ''): FormField[] {
  const found = new Map<string, FormField>();
  for (const part of parts(schema, root, values)) {
    for (const [key, child] of Object.entries(part.properties ?? {})) {
      const path = `${base}/${escaped(key)}`;
      const before = found.get(key)?.schema ?? {};
      found.set(key, {
        key,
        path,
        schema: { ...before, ...resolved(child, root) },
        required: found.get(key)?.required ?? false,
      });
    }
    for (const key of part.required ?? []) {
      const field = found.get(key);
      if (field) field.required = true;
    }
  }
  const order = (field: FormField) => field.schema['x-order'] ?? 0;
  return [...found.values()].sort((a, b) => order(a) - order(b));
}

function* parts(schema: Schema, root: Schema, values: Values): Generator<Schema> {
  const whole = resolved(schema, root);
  yield whole;
  for (const part of whole.allOf ?? []) yield* parts(part, root, values);
  if (whole.if) {
    const branch = holds(whole.if, values) ? whole.then : whole.else;
    if (branch) yield* parts(branch, root, values);
  }
}

/** A condition as forms use it: properties that have a `const` or are one of an `enum`. */
function holds(condition: Schema, values: Values): boolean {
  const given = Object.entries(condition.properties ?? {}).every(([key, wanted]) => {
    if (wanted.const !== undefined) return same(values[key], wanted.const);
    if (wanted.enum) return wanted.enum.some((each) => same(values[key], each));
    return true;
  });
  return given && (condition.required ?? []).every((key) => values[key] !== undefined);
}

/** `x-show-if`: every pointer's value equals what is wanted, or is one of a list. */
export function isShown(field: FormField, values: Values): boolean {
  return Object.entries(field.schema['x-show-if'] ?? {}).every(([pointer, wanted]) => {
    const value = at(values, pointer);
    return Array.isArray(wanted) ? wanted.some((each) => same(value, each)) : same(value, wanted);
  });
}

export interface Group {
  title: string;
  fields: FormField[];
}

export function groupsOf(fields: readonly FormField[]): Group[] {
  const groups = new Map<string, FormField[]>();
  for (const field of fields) {
    const title = field.schema['x-group'] ?? '';
    groups.set(title, [...(groups.get(title) ?? []), field]);
  }
  return [...groups].map(([title, members]) => ({ title, fields: members }));
}

/** The values a form begins with: what is given, else the defaults. */
export function initial(schema: Schema, root: Schema, given: Values = {}): Values {
  const values: Values = { ...given };
  for (const field of fieldsOf(schema, root, values)) {
    if (values[field.key] !== undefined) continue;
    const start = field.schema.default;
    if (start !== undefined) values[field.key] = start;
    else if (kindOf(field.schema) === 'object' && field.schema.properties)
      values[field.key] = initial(field.schema, root);
  }
  return values;
}

/** What is sent: fields that are shown, without what was left empty and has no default. */
export function outgoing(schema: Schema, root: Schema, values: Values): Values {
  const sent: Values = {};
  for (const field of fieldsOf(schema, root, values)) {
    const value = values[field.key];
    if (!isShown(field, values) || value === undefined) continue;
    if (value === '' && field.schema.default === undefined && !field.required) continue;
    sent[field.key] = value;
  }
  return sent;
}

export type Kind = 'object' | 'array' | 'choice' | 'boolean' | 'number' | 'string' | 'json';

export function kindOf(schema: Schema): Kind {
  if (schema.enum || schema.oneOf?.every((each) => each.const !== undefined)) return 'choice';
  const types = Array.isArray(schema.type) ? schema.type.filter((each) => each !== 'null') : [schema.type];
  const [type] = types;
  if (types.length > 1) return 'json';
  switch (type) {
    case 'object':
      return schema.properties ? 'object' : 'json';
    case 'array':
      return 'array';
    case 'boolean':
      return isNullable(schema) ? 'choice' : 'boolean';
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
      return 'string';
    default:
      return schema.properties ? 'object' : 'json';
  }
}

export const isNullable = (schema: Schema): boolean => Array.isArray(schema.type) && schema.type.includes('null');
export const isWhole = (schema: Schema): boolean => [schema.type].flat().includes('integer');

export interface Choice {
  value: Json;
  label: string;
  group?: string;
}

/** The fixed choices of a field. */
export function choicesOf(schema: Schema): Choice[] {
  if (schema.oneOf)
    return schema.oneOf.map((each) => ({ value: each.const ?? null, label: each.title ?? String(each.const) }));
  if (schema.enum) return schema.enum.map((value) => ({ value, label: value === null ? '–' : String(value) }));
  return [];
}

/** Choices that came from `x-options`: a list, or an object whose `items` is one. */
export function choicesFrom(answer: unknown, options: Options): Choice[] {
  const items = Array.isArray(answer) ? answer : isRecord(answer) && Array.isArray(answer.items) ? answer.items : [];
  const pick = (item: Json, key: string | undefined) =>
    key && isRecord(item) ? item[key] : isRecord(item) ? undefined : item;
  const choices = items.map((item: Json) => {
    const value = (pick(item, options.value) ?? null) as Json;
    const group = options.group ? pick(item, options.group) : undefined;
    return {
      value,
      label: String(pick(item, options.label) ?? value),
      group: group === undefined ? undefined : String(group),
    };
  });
  return [...new Map(choices.map((choice) => [JSON.stringify(choice.value), choice])).values()];
}

export interface Misfit {
  path: string;
  message: 'required' | 'number' | 'whole' | 'least' | 'most' | 'pattern' | 'json';
  limit?: number;
}

/** What is wrong before anything is sent. The server has the last word. */
export function check(schema: Schema, root: Schema, values: Values, base = ''): Misfit[] {
  return fieldsOf(schema, root, values, base).flatMap((field) => {
    if (!isShown(field, values)) return [];
    const value = values[field.key];
    if (value === undefined || value === null || value === '')
      return field.required ? [{ path: field.path, message: 'required' as const }] : [];
    if (kindOf(field.schema) === 'object' && isRecord(value))
      return check(field.schema, root, value as Values, field.path);
    return checkValue(field, value);
  });
}

function checkValue({ path, schema }: FormField, value: Json): Misfit[] {
  if (kindOf(schema) === 'number') {
    if (typeof value !== 'number') return [{ path, message: 'number' }];
    if (isWhole(schema) && !Number.isInteger(value)) return [{ path, message: 'whole' }];
    if (schema.minimum !== undefined && value < schema.minimum)
      return [{ path, message: 'least', limit: schema.minimum }];
    if (schema.maximum !== undefined && value > schema.maximum)
      return [{ path, message: 'most', limit: schema.maximum }];
  }
  if (typeof value === 'string' && schema.pattern && !matches(schema.pattern, value))
    return [{ path, message: 'pattern' }];
  return [];
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true; // a pattern of another dialect: the server knows
  }
}

/** `512, 2048` as numbers; null when it is something else. */
export function numbersIn(text: string): number[] | null {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  return numbers.every((each) => Number.isFinite(each)) ? numbers : null;
}

/** The value at a JSON pointer. */
export function at(value: Json | undefined, pointer: string): Json | undefined {
  let found = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(found)) found = found[Number(key)];
    else if (isRecord(found)) found = Object.hasOwn(found, key) ? (found[key] as Json) : undefined;
    else return undefined;
  }
  return found;
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
const same = (a: Json | undefined, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);
const isRecord = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
