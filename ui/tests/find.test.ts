import { expect, test } from 'vitest';
import { places, ranges } from '../src/lib/find/text';

test('words are found in any case, no two places overlapping', () => {
  expect(places('Anna and ANNA', 'anna')).toEqual([0, 9]);
  expect(places('aaaa', 'aa')).toEqual([0, 2]);
  expect(places('abc', '')).toEqual([]);
  expect(places('aaaa', 'a', 3)).toHaveLength(3);
});

test('a letter that grows in lower case moves nothing behind it', () => {
  expect(places('İİ word', 'WORD')).toEqual([3]);
});

test('words are found across elements, and not in buttons', () => {
  const page = new DOMParser().parseFromString('a wo<b>rd</b> and <button>a word</button> a word', 'text/html');
  const root = document.body;
  root.replaceChildren(...page.body.childNodes);
  const found = ranges(root, 'Word');
  expect(found.map((range) => range.toString())).toEqual(['word', 'word']);
  expect(found[0]!.startContainer).not.toBe(found[0]!.endContainer);
});
