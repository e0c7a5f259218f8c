/** A unified diff of two texts, for reading before a save. Pure; by lines, with the longest common runs kept. */

const CONTEXT = 3;
type Change = { kind: ' ' | '-' | '+'; text: string };

export function unified(before: string, after: string): string {
  const changes = compare(before.split('\n'), after.split('\n'));
  const shown = new Set<number>();
  changes.forEach((change, index) => {
    if (change.kind === ' ') return;
    for (let near = index - CONTEXT; near <= index + CONTEXT; near++) shown.add(near);
  });
  const lines: string[] = [];
  let [left, right, wasShown] = [1, 1, false];
  changes.forEach((change, index) => {
    if (shown.has(index)) {
      if (!wasShown) lines.push(`@@ -${left} +${right} @@`);
      lines.push(change.kind + change.text);
    }
    wasShown = shown.has(index);
    if (change.kind !== '+') left += 1;
    if (change.kind !== '-') right += 1;
  });
  return lines.join('\n');
}

/** Equal ends are taken off first, so what is compared in full is small. */
function compare(a: readonly string[], b: readonly string[]): Change[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1];
  const same = (lines: readonly string[]): Change[] => lines.map((text) => ({ kind: ' ', text }));
  return [...same(a.slice(0, start)), ...middle(a.slice(start, endA), b.slice(start, endB)), ...same(a.slice(endA))];
}

const MOST_CELLS = 4_000_000;

function middle(a: readonly string[], b: readonly string[]): Change[] {
  const gone = (): Change[] => a.map((text) => ({ kind: '-', text }));
  const come = (): Change[] => b.map((text) => ({ kind: '+', text }));
  if (!a.length || !b.length || a.length * b.length > MOST_CELLS) return [...gone(), ...come()];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const cell = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] = a[i] === b[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1));
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      changes.push({ kind: ' ', text: a[i] ?? '' });
      i += 1;
      j += 1;
    } else if (cell(i + 1, j) >= cell(i, j + 1)) changes.push({ kind: '-', text: a[i++] ?? '' });
    else changes.push({ kind: '+', text: b[j++] ?? '' });
  }
  for (; i < a.length; i++) changes.push({ kind: '-', text: a[i] ?? '' });
  for (; j < b.length; j++) changes.push({ kind: '+', text: b[j] ?? '' });
  return changes;
}
