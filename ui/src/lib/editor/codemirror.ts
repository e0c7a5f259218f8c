/** CodeMirror set up for YAML that is checked while it is written; loaded with what shows it, never before. */
import { autocompletion, closeBrackets, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { linter, lintGutter, type Diagnostic } from '@codemirror/lint';
import { MergeView } from '@codemirror/merge';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { at, detailOf, pathTo, suggest, type Schema } from './complete';
import type { Problem } from './problem';

const colours = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--sl-muted)', fontStyle: 'italic' },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--sl-info)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--sl-ok)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--sl-warn)' },
  { tag: [tags.meta, tags.labelName, tags.typeName], color: 'var(--sl-sleep)' },
]);
const look = EditorView.theme({
  '&': { height: '100%', fontSize: 'var(--sl-size-s)', backgroundColor: 'var(--sl-surface)', color: 'var(--sl-text)' },
  '.cm-scroller': { fontFamily: 'var(--sl-mono)', lineHeight: '1.55' },
  '.cm-gutters': { backgroundColor: 'var(--sl-inset)', color: 'var(--sl-muted)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--sl-hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--sl-text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection': {
    backgroundColor: 'var(--sl-accent-soft) !important',
  },
  '.cm-tooltip, .cm-panels': {
    backgroundColor: 'var(--sl-raised)',
    color: 'var(--sl-text)',
    border: '1px solid var(--sl-line)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--sl-accent-fill)',
    color: 'var(--sl-on-accent)',
  },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.8', fontStyle: 'normal' },
  '.cm-hover': { padding: '0.4rem 0.6rem', maxWidth: '26rem' },
});
const basics: Extension = [
  lineNumbers(),
  history(),
  drawSelection(),
  bracketMatching(),
  closeBrackets(),
  indentOnInput(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  search({ top: true }),
  yaml(),
  syntaxHighlighting(colours),
  look,
  EditorState.tabSize.of(2),
  EditorView.lineWrapping,
];

export interface Options {
  parent: HTMLElement;
  text: string;
  label: string;
  readOnly: boolean;
  schema: () => Schema | null;
  onchange: (text: string) => void;
  onsave: () => void;
  /** Checks the text; its problems are marked. */
  check: (text: string) => Promise<Problem[]>;
}

export function createEditor(options: Options): EditorView {
  const save = { key: 'Mod-s', preventDefault: true, run: () => (options.onsave(), true) };
  return new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        basics,
        keymap.of([save, ...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
        EditorState.readOnly.of(options.readOnly),
        EditorView.contentAttributes.of({ 'aria-label': options.label }),
        EditorView.updateListener.of((update) => update.docChanged && options.onchange(update.state.doc.toString())),
        lintGutter(),
        linter(async (view) => marks(view, await options.check(view.state.doc.toString())), { delay: 400 }),
        autocompletion({ override: [(context) => complete(context, options.schema())], icons: false }),
        hoverTooltip((view, place) => hover(view, place, options.schema())),
      ],
    }),
  });
}

/** Two texts side by side: `theirs` cannot be changed, its pieces can be taken over. */
export function createMerge(parent: HTMLElement, theirs: string, mine: string): MergeView {
  return new MergeView({
    parent,
    a: { doc: theirs, extensions: [basics, EditorState.readOnly.of(true)] },
    b: { doc: mine, extensions: [basics, keymap.of([...defaultKeymap, ...historyKeymap])] },
    revertControls: 'a-to-b',
    highlightChanges: true,
    gutter: true,
    collapseUnchanged: { margin: 3, minSize: 6 },
  });
}

export function goTo(view: EditorView, line: number, column = 1, focus = true): void {
  const found = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
  const place = Math.min(found.from + Math.max(0, column - 1), found.to);
  view.dispatch({ selection: { anchor: place }, effects: EditorView.scrollIntoView(place, { y: 'center' }) });
  if (focus) view.focus();
}

/** Only what differs is replaced, so that the cursor and the view stay. */
export function replaceText(view: EditorView, text: string): void {
  const now = view.state.doc.toString();
  const most = Math.min(now.length, text.length);
  let start = 0;
  while (start < most && now[start] === text[start]) start += 1;
  let end = 0;
  while (end < most - start && now[now.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  view.dispatch({ changes: { from: start, to: now.length - end, insert: text.slice(start, text.length - end) } });
}

function marks(view: EditorView, problems: readonly Problem[]): Diagnostic[] {
  return problems.map((problem) => {
    const line = view.state.doc.line(Math.min(Math.max(1, problem.line), view.state.doc.lines));
    const from = Math.min(line.from + Math.max(0, problem.col - 1), line.to);
    return {
      from: from === line.to ? line.from : from,
      to: line.to,
      severity: problem.severity,
      message: [problem.path && `${problem.path}: `, problem.message, problem.advice && ` (${problem.advice})`].join(
        '',
      ),
    };
  });
}

function complete(context: CompletionContext, schema: Schema | null): CompletionResult | null {
  const word = context.matchBefore(/[\w.-]*/);
  if (!schema || !word || (word.from === word.to && !context.explicit)) return null;
  const line = context.state.doc.lineAt(context.pos);
  const lines = context.state.doc.toString().split('\n');
  const found = suggest(schema, lines, line.number - 1, context.pos - line.from);
  const options = found.map(({ label, detail, kind }) => ({
    label,
    detail: detail.length > 60 ? `${detail.slice(0, 59)}…` : detail,
    info: detail.length > 60 ? detail : undefined,
    apply: kind === 'key' ? `${label}: ` : label,
  }));
  return options.length ? { from: word.from, options, validFor: /^[\w.-]*$/ } : null;
}

function hover(view: EditorView, place: number, schema: Schema | null) {
  const line = view.state.doc.lineAt(place);
  const key = /^\s*(?:- )?([\w.-]+):/.exec(line.text);
  if (!schema || !key || place > line.from + key[0].length) return null;
  const path = [...pathTo(view.state.doc.toString().split('\n'), line.number - 1), key[1] ?? ''];
  const detail = at(schema, path).map(detailOf).find(Boolean);
  if (!detail) return null;
  return {
    pos: line.from,
    above: true,
    create: () => {
      const dom = document.createElement('div');
      dom.className = 'cm-hover';
      dom.textContent = detail;
      return { dom };
    },
  };
}
