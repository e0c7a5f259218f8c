/** A line as pieces of text with colours and marks; never as HTML. */
import Anser from 'anser';
import type { Line } from './buffer';
import { hits } from './filter';

export interface Piece {
  text: string;
  /** Classes of the colours; only of our own making. */
  look: string;
  /** Colours that have no name, as `rgb(…)`. */
  style: string;
  hit: boolean;
}

/** Links of a terminal (OSC 8) and everything else that is no colour: the text stays, the rest goes. */
const NOT_COLOURS = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-?]*[ -/]*[@-ln-~]|\u001b[@-Z\\^_]/g;
const RGB = /^\d{1,3}, ?\d{1,3}, ?\d{1,3}$/;
const NAME = /^ansi-[a-z0-9-]+$/;

export function piecesOf(line: Pick<Line, 'text' | 'ansi'>, pattern: RegExp | null): Piece[] {
  const coloured = line.ansi ? colours(line.ansi) : [{ text: line.text, look: '', style: '', hit: false }];
  if (!pattern) return coloured;
  return marked(coloured, hits(coloured.map((piece) => piece.text).join(''), pattern));
}

function colours(text: string): Piece[] {
  return Anser.ansiToJson(text.replace(NOT_COLOURS, ''), { use_classes: true, remove_empty: true }).map((entry) => ({
    text: entry.content,
    look: [name(entry.fg, 'fg'), name(entry.bg, 'bg'), ...entry.decorations.map((each) => `d-${each}`)]
      .filter(Boolean)
      .join(' '),
    style: [colour(entry.fg_truecolor, 'color'), colour(entry.bg_truecolor, 'background')].filter(Boolean).join(';'),
    hit: false,
  }));
}

const name = (found: string | null, side: string): string => (found && NAME.test(found) ? `${found}-${side}` : '');
const colour = (found: string | null, what: string): string =>
  found && RGB.test(found) ? `${what}:rgb(${found})` : '';

/** Cut the pieces where hits begin and end. */
function marked(pieces: Piece[], found: [number, number][]): Piece[] {
  if (!found.length) return pieces;
  const out: Piece[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const end = offset + piece.text.length;
    let at = offset;
    for (const [from, to] of found) {
      if (to <= at || from >= end) continue;
      if (from > at) out.push({ ...piece, text: piece.text.slice(at - offset, from - offset) });
      const begin = Math.max(at, from);
      at = Math.min(end, to);
      out.push({ ...piece, text: piece.text.slice(begin - offset, at - offset), hit: true });
    }
    if (at < end) out.push({ ...piece, text: piece.text.slice(at - offset) });
    offset = end;
  }
  return out;
}
