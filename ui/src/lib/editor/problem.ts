/** What is wrong with a text, and where; lines and columns are counted from 1. */
export interface Problem {
  severity: 'error' | 'warning';
  message: string;
  advice: string;
  path: string;
  file: string;
  line: number;
  col: number;
}
