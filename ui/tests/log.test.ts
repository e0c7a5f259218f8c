import { describe, expect, test } from 'vitest';
import { LogBuffer, type LogRecord } from '../src/lib/log/buffer';
import { apply, EVERYTHING, hits, indexAt, makeFilter, mark } from '../src/lib/log/filter';
import { piecesOf } from '../src/lib/log/pieces';

const line = (seq: number, text: string, more: Partial<LogRecord> = {}): LogRecord => ({
  seq,
  ts: seq,
  source: 'proxy',
  text,
  ...more,
});
const texts = (buffer: LogBuffer) => buffer.lines.map((each) => each.text);

describe('a log', () => {
  test('keeps a line once, however often the history comes again', () => {
    const buffer = new LogBuffer();
    buffer.push([line(1, 'a'), line(5, 'b')]);
    buffer.push([line(1, 'a'), line(5, 'b and more'), line(9, 'c')]);
    expect(texts(buffer)).toEqual(['a', 'b and more', 'c']);
  });
  test('lets a line after a carriage return take the place of the one before, within its source', () => {
    const buffer = new LogBuffer();
    buffer.push([
      line(1, '10 %'),
      line(1, 'other', { source: 'model:a' }),
      line(9, '20 %', { cr: true }),
      line(15, 'done'),
    ]);
    expect(texts(buffer)).toEqual(['20 %', 'other', 'done']);
  });
  test('forgets the oldest lines above its limit', () => {
    const buffer = new LogBuffer(100);
    const change = buffer.push(Array.from({ length: 5000 }, (_, index) => line(index, String(index))));
    expect([buffer.lines.length, buffer.lines[0]?.text, change.dropped]).toEqual([100, '4900', 4900]);
  });
  test('puts lines of several sources in the order of their time', () => {
    const buffer = new LogBuffer();
    buffer.push([line(1, 'a1'), line(5, 'a5'), line(3, 'b3', { source: 'b' })]);
    buffer.push([line(6, 'a6'), line(7, 'b7', { source: 'b' })]);
    expect(texts(buffer)).toEqual(['a1', 'b3', 'a5', 'a6', 'b7']);
  });
  test('gives every line a key of its own', () => {
    const buffer = new LogBuffer();
    buffer.push([line(1, 'a'), line(1, 'a', { source: 'x' })]);
    expect(new Set(buffer.lines.map((each) => each.key)).size).toBe(2);
  });
});

describe('a filter', () => {
  const buffer = new LogBuffer();
  buffer.push([
    line(1, 'GET /a'),
    line(2, 'slow (1)', { level: 'warn' }),
    line(3, 'died', { level: 'error' }),
    line(4, 'GET /b'),
  ]);
  const shown = (wish: object, context = 0) =>
    apply(buffer.lines, makeFilter({ ...EVERYTHING, ...wish }), context).map((each) => each.text);

  test('finds words, with their signs, without regard to case', () =>
    expect(shown({ text: 'SLOW (1' })).toEqual(['slow (1)']));
  test('finds by regular expression', () =>
    expect(shown({ text: '^GET /[ab]$', isRegex: true })).toEqual(['GET /a', 'GET /b']));
  test('hides what matches', () => expect(shown({ text: 'get', exclude: true })).toEqual(['slow (1)', 'died']));
  test('shows a level and what is worse', () => expect(shown({ level: 'warn' })).toEqual(['slow (1)', 'died']));
  test('shows lines around a hit', () => expect(shown({ text: 'died' }, 1)).toEqual(['slow (1)', 'died', 'GET /b']));
  test('says what is wrong with a regular expression, and shows all', () => {
    expect(makeFilter({ ...EVERYTHING, text: '(', isRegex: true }).problem).not.toBe('');
    expect(shown({ text: '(', isRegex: true })).toHaveLength(4);
  });
  test('tells where its hits stand', () =>
    expect(hits('aXbX', /x/gi)).toEqual([
      [1, 2],
      [3, 4],
    ]));
});

describe('a line with colours', () => {
  const plain = (ansi: string) =>
    piecesOf({ text: '', ansi }, null)
      .map((piece) => piece.text)
      .join('');

  test('becomes pieces with classes', () => {
    expect(
      piecesOf({ text: 'x', ansi: '\u001b[31mred\u001b[0m plain' }, null).map((piece) => [piece.text, piece.look]),
    ).toEqual([
      ['red', 'ansi-red-fg'],
      [' plain', ''],
    ]);
  });
  test('takes true colours as numbers only', () => {
    expect(piecesOf({ text: '', ansi: '\u001b[38;2;1;2;3mx' }, null)[0]?.style).toBe('color:rgb(1, 2, 3)');
  });
  test('loses links and everything that moves the cursor', () => {
    expect(plain('\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007\u001b[2K\u001b[1A!')).toBe('click!');
  });
  test('stays text, whatever is in it', () =>
    expect(plain('\u001b[1m<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>'));
  test('is cut where a hit begins and ends, across colours', () => {
    const pieces = piecesOf({ text: '', ansi: 'ab\u001b[32mcd' }, /bc/gi);
    expect(pieces.map((piece) => [piece.text, piece.hit])).toEqual([
      ['a', false],
      ['b', true],
      ['c', true],
      ['d', false],
    ]);
  });
});

test('lines are hidden by a second word, found by their time and named by their number', () => {
  const buffer = new LogBuffer();
  buffer.push([line(1, 'GET /a'), line(2, 'GET /health'), line(5, 'POST /b')]);
  const shown = buffer.lines.filter(makeFilter({ ...EVERYTHING, text: 'get', without: 'HEALTH' }).fits);
  expect(shown.map((each) => each.text)).toEqual(['GET /a']);
  expect([0, 2, 3, 99].map((at) => indexAt(buffer.lines, at))).toEqual([0, 1, 2, 2]);
  expect(indexAt([], 3)).toBe(0);
  expect(mark(buffer.lines[2]!)).toBe('proxy@5');
});
