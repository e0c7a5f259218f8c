/** What may stand at a place of the file, by its JSON Schema and the indentation. Pure. */

export interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
  if?: unknown;
  then?: Schema;
  enum?: unknown[];
  const?: unknown;
  type?: string | string[];
  description?: string;
  default?: unknown;
  deprecated?: boolean;
}

export interface Suggestion {
  label: string;
  detail: string;
  kind: 'key' | 'value';
}

/** The keys that lead to a line (counted from 0), the line's own not included; `-` stands for an item of a list. */
export function pathTo(lines: readonly string[], line: number): string[] {
  const path: string[] = [];
  let indent = indentOf(lines[line] ?? '');
  for (let at = line - 1; at >= 0 && indent > 0; at--) {
    const text = lines[at] ?? '';
    if (!text.trim() || text.trim().startsWith('#')) continue;
    const found = /^(\s*)((?:- )?)("[^"]*"|'[^']*'|[^\s#:][^:#]*):(?:\s|$)/.exec(text);
    if (!found) continue;
    const depth = (found[1] ?? '').length;
    if (depth >= indent) continue;
    const isItem = !!found[2];
    // in `- name: x` the key stands two further in; a line at that depth is its sibling
    if (!isItem || depth + 2 < indent) path.unshift((found[3] ?? '').replace(/^["']|["']$/g, ''));
    if (isItem) path.unshift('-');
    indent = depth;
  }
  return path;
}

const indentOf = (line: string): number => /^\s*/.exec(line)?.[0].length ?? 0;

/** The schemas that hold at a path; several where a value may be of several kinds. */
export function at(schema: Schema, path: readonly string[]): Schema[] {
  return path.reduce<Schema[]>((here, key) => here.flatMap((each) => below(each, key)), [schema]).flatMap(spread);
}

function below(schema: Schema, key: string): Schema[] {
  return spread(schema).flatMap((each) => {
    if (key === '-') return each.items ? [each.items] : [];
    const named = each.properties?.[key];
    if (named) return [named];
    return typeof each.additionalProperties === 'object' ? [each.additionalProperties] : [];
  });
}

/** A schema and all that it may turn into. */
function spread(schema: Schema): Schema[] {
  const more = [...(schema.anyOf ?? []), ...(schema.allOf ?? []), ...(schema.then ? [schema.then] : [])];
  return [schema, ...more.flatMap(spread)];
}

/** Keys that fit before the cursor, or values after `key: `. */
export function suggest(schema: Schema, lines: readonly string[], line: number, column: number): Suggestion[] {
  const before = (lines[line] ?? '').slice(0, column);
  const value = /^\s*(?:- )?([\w.-]+):\s+(\S*)$/.exec(before);
  const path = pathTo(lines, line);
  if (value) return values(at(schema, [...path, value[1] ?? '']));
  if (!/^\s*(?:- )?[\w.-]*$/.test(before)) return [];
  const present = new Set(siblings(lines, line));
  return keys(at(schema, path)).filter((each) => !present.has(each.label));
}

function keys(schemas: readonly Schema[]): Suggestion[] {
  const found = new Map<string, Suggestion>();
  for (const schema of schemas)
    for (const [label, each] of Object.entries(schema.properties ?? {}))
      if (!each.deprecated && !found.has(label)) found.set(label, { label, detail: detailOf(each), kind: 'key' });
  return [...found.values()];
}

function values(schemas: readonly Schema[]): Suggestion[] {
  const found = schemas.flatMap((schema) => [
    ...(schema.enum ?? []),
    ...(schema.type === 'boolean' ? ['true', 'false'] : []),
  ]);
  return [...new Set(found.map(String))].map((label) => ({ label, detail: '', kind: 'value' }));
}

export function detailOf(schema: Schema): string {
  const standard = schema.default === undefined || schema.default === '' ? '' : ` · ${JSON.stringify(schema.default)}`;
  return `${schema.description ?? ''}${standard}`;
}

/** The keys beside a line, at its indentation. */
function siblings(lines: readonly string[], line: number): string[] {
  const indent = indentOf(lines[line] ?? '');
  const found: string[] = [];
  for (const step of [-1, 1])
    for (let place = line + step; place >= 0 && place < lines.length; place += step) {
      const text = lines[place] ?? '';
      if (!text.trim()) continue;
      if (indentOf(text) < indent) break;
      if (indentOf(text) === indent) found.push(/^\s*([\w.-]+):/.exec(text)?.[1] ?? '');
    }
  return found.filter(Boolean);
}

/** A model or a top-level key, with the line on which it stands (from 1). */
export interface Landmark {
  label: string;
  line: number;
  isModel: boolean;
}

export function outline(text: string): Landmark[] {
  let section = '';
  return text.split('\n').flatMap((content, index): Landmark[] => {
    const top = /^([A-Za-z][\w.-]*):/.exec(content);
    if (top) {
      section = top[1] ?? '';
      return [{ label: section, line: index + 1, isModel: false }];
    }
    const model = section === 'models' ? /^ {1,4}("[^"]+"|'[^']+'|[^\s#:-][^:#]*):\s*(?:#.*)?$/.exec(content) : null;
    const label = model?.[1]?.replace(/^["']|["']$/g, '');
    return label && indentOf(content) === firstIndent(text) ? [{ label, line: index + 1, isModel: true }] : [];
  });
}

const firstIndent = (text: string): number =>
  /^models:\s*(?:#.*)?\n(?:\s*(?:#.*)?\n)*( +)\S/m.exec(text)?.[1]?.length ?? 2;
