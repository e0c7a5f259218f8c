/** How alike two vectors are: 1 the same direction, 0 nothing in common. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  let dot = 0;
  let left = 0;
  let right = 0;
  for (const [at, value] of a.entries()) {
    const other = b[at] ?? 0;
    dot += value * other;
    left += value * value;
    right += other * other;
  }
  return left && right ? dot / Math.sqrt(left * right) : 0;
}

/** The value below which `share` (0..1) of them lie; between two, interpolated. NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  if (!values.length) return Number.NaN;
  const ordered = [...values].sort((a, b) => a - b);
  const place = share * (ordered.length - 1);
  const below = Math.floor(place);
  const low = ordered[below] ?? Number.NaN;
  const high = ordered[Math.min(below + 1, ordered.length - 1)] ?? low;
  return low + (high - low) * (place - below);
}
