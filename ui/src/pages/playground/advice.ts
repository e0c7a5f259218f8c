/** What a person can do about an error, by its kind and words; engines say theirs in English and in their own way. Pure. */

export type Advice =
  'adviceContext' | 'adviceImage' | 'adviceSound' | 'adviceDied' | 'adviceBroken' | 'adviceTools' | 'adviceGone';

const BY_WORDS: readonly [RegExp, Advice][] = [
  [
    /context (size|length|window)|exceeds? .*context|maximum context|too many tokens|prompt is too long/i,
    'adviceContext',
  ],
  [/audio (input|data)|input_audio|not support audio/i, 'adviceSound'],
  [/image input|mmproj|multimodal|image_url|not support image|vision/i, 'adviceImage'],
  [/tool[_ -]?(call|choice|parser)s?\b.*(support|requires|enable)|--jinja/i, 'adviceTools'],
];

export function adviceFor(error: string, code = ''): Advice | null {
  if (code === 'upstream-died') return 'adviceDied';
  if (code === 'broken-off') return 'adviceBroken';
  if (code === 'unknown-model') return 'adviceGone';
  return BY_WORDS.find(([pattern]) => pattern.test(error))?.[1] ?? null;
}
