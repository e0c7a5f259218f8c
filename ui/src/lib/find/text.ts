/** Where words stand in a part of the page, across its elements. Reads the document, changes nothing in it. */

export const MOST_FOUND = 5000;

/** Every place of `words` in `text`, upper and lower case alike, no two of them overlapping. Pure. */
export function places(text: string, words: string, most = MOST_FOUND): number[] {
  const found: number[] = [];
  // letter by letter, as the lower case of a whole text may be longer than the text
  const [hay, needle] = [folded(text), folded(words)];
  if (!needle) return found;
  for (let at = hay.indexOf(needle); at >= 0 && found.length < most; at = hay.indexOf(needle, at + needle.length))
    found.push(at);
  return found;
}

const folded = (text: string): string => {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : Array.from(text, same).join('');
};
const same = (letter: string): string => {
  const lower = letter.toLowerCase();
  return lower.length === letter.length ? lower : letter;
};

/** The same as ranges of the document: of what can be seen in `root`, without its buttons. */
export function ranges(root: HTMLElement, words: string): Range[] {
  const nodes: { node: Text; from: number }[] = [];
  let text = '';
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, {
    acceptNode: (node) => (isSaid(node) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT),
  });
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push({ node: node as Text, from: text.length });
    text += (node as Text).data;
  }
  let last = 0;
  const spot = (at: number, isEnd: boolean): [Text, number] => {
    const wanted = isEnd ? at - 1 : at;
    while ((nodes[last + 1]?.from ?? Infinity) <= wanted) last += 1;
    const { node, from } = nodes[last] as { node: Text; from: number };
    return [node, at - from];
  };
  return places(text, words).map((at) => {
    const range = document.createRange();
    range.setStart(...spot(at, false));
    range.setEnd(...spot(at + words.length, true));
    return range;
  });
}

const isSaid = (node: Node): boolean => !node.parentElement?.closest('button, summary, .sl-only-read, .katex-mathml');

/** Bring it into view, in whatever scrolls around it; what is folded away is opened. */
export function reveal(range: Range): void {
  const start = range.startContainer.parentElement;
  const folded = start?.closest('details');
  if (folded) folded.open = true;
  for (let around = start; around; around = around.parentElement) {
    if (around.scrollHeight <= around.clientHeight || !/auto|scroll/.test(getComputedStyle(around).overflowY)) continue;
    const [box, at] = [around.getBoundingClientRect(), range.getBoundingClientRect()];
    if (at.top < box.top + EDGE || at.bottom > box.bottom - EDGE)
      around.scrollTop += at.top - box.top - around.clientHeight / 3;
  }
}
const EDGE = 24;
