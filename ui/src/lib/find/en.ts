export const en = {
  none: 'not there',
  of: '{n} of {all}',
  keys: 'Enter: the next one, Shift+Enter: the one before, Escape: begin anew',
  next: 'The next one',
  before: 'The one before',
} as const;
