import { expect, test } from 'vitest';
import { adviceFor } from '../src/pages/playground/advice';

test.each([
  ['request (10018 tokens) exceeds the available context size (256 tokens), try increasing it', '', 'adviceContext'],
  ["This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", '', 'adviceContext'],
  ['image input is not supported - hint: if this is unexpected, you may need to provide the mmproj', '', 'adviceImage'],
  ['At most 0 image(s) may be provided; the model is not a multimodal model', '', 'adviceImage'],
  ['audio input is not supported - hint: you may need to provide the mmproj', '', 'adviceSound'],
  ['"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', '', 'adviceTools'],
  ['m died in the middle of the response', 'upstream-died', 'adviceDied'],
  ['no such model', 'unknown-model', 'adviceGone'],
  ['out of memory', 'start-failed', null],
])('%s', (error, code, advice) => {
  expect(adviceFor(error, code)).toBe(advice);
});
