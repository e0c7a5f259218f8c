/** The rows of the rerank tab: documents, and what they scored. Pure. */

export interface Row {
  id: number;
  text: string;
  /** Null: not ranked as it stands here. */
  score: number | null;
}
export interface Given {
  query: string;
  documents: string[];
}

let last = 0;
export const newRow = (text = ''): Row => ({ id: ++last, text, score: null });

/** There is always an empty row at the end to write into. */
export const withRoom = (rows: readonly Row[]): Row[] => (rows.at(-1)?.text === '' ? [...rows] : [...rows, newRow()]);

/** What a row says now; what it scored was of another text. */
export const written = (rows: readonly Row[], id: number, text: string): Row[] =>
  withRoom(rows.map((row) => (row.id === id ? { ...row, text, score: null } : row)));

/** Several lines put in the place of a row, a row for each. */
export function pasted(rows: readonly Row[], id: number, lines: readonly string[]): Row[] {
  const fresh = lines.map((line) => newRow(line));
  return withRoom(rows.flatMap((row) => (row.id === id ? fresh : [row])));
}
export const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);

/** Up or down by some places; the empty row stays last. */
export function moved(rows: readonly Row[], id: number, by: number): Row[] {
  const at = rows.findIndex((row) => row.id === id);
  const row = rows[at];
  const to = at + by;
  if (!row || to < 0 || to >= rows.length) return [...rows];
  return withRoom(rows.toSpliced(at, 1).toSpliced(to, 0, row));
}

export const documents = (rows: readonly Row[]): Row[] => rows.filter((row) => row.text.trim());

export type Order = 'given' | 'best' | 'worst';
/** What is shown: as entered, or by score; what has none stands last, the empty row at the very end. */
export function ordered(rows: readonly Row[], order: Order): Row[] {
  if (order === 'given') return [...rows];
  const sign = order === 'best' ? -1 : 1;
  const value = (row: Row) => row.score ?? sign * Infinity;
  return [...rows].sort((a, b) => Number(a.text === '') - Number(b.text === '') || sign * (value(a) - value(b)) || 0);
}

interface Result {
  index: number;
  relevance_score?: number;
  score?: number;
}
/** Put the scores beside the documents that were asked about. */
export function scored(rows: readonly Row[], asked: readonly Row[], results: readonly Result[]): Row[] {
  const scores = new Map(
    results.map(({ index, relevance_score, score }) => [asked[index]?.id, relevance_score ?? score ?? 0]),
  );
  const texts = new Map(asked.map((row) => [row.id, row.text]));
  // what was changed while the model worked was not ranked
  return rows.map((row) => (texts.get(row.id) === row.text ? { ...row, score: scores.get(row.id) ?? null } : row));
}

/** `{"query": "…", "documents": ["…"]}`; null when it is something else. */
export function readGiven(text: string): Given | null {
  try {
    const found = JSON.parse(text) as { query?: unknown; documents?: unknown };
    if (typeof found.query !== 'string' || !Array.isArray(found.documents)) return null;
    const texts = found.documents.map((each: unknown) =>
      typeof each === 'string' ? each : (each as { text?: unknown } | null)?.text,
    );
    return texts.every((each): each is string => typeof each === 'string')
      ? { query: found.query, documents: texts }
      : null;
  } catch {
    return null;
  }
}
