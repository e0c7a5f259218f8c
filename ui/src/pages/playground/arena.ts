/** Blind comparisons: which model was chosen how often, in this browser. Pure. */
import type { Conversation, Exchange } from './conversation';

/** By model: how often it was chosen, and of how many. */
export type Wins = Record<string, { won: number; of: number }>;
export const NAME = 'playground.wins';

/** Who answers is hidden: several were asked, blindly, and nobody has chosen yet. */
export const isHidden = (exchange: Exchange): boolean =>
  !!exchange.blind && exchange.vote === undefined && exchange.answers.length > 1;

export const letterOf = (exchange: Exchange, model: string): string =>
  String.fromCharCode(65 + exchange.answers.findIndex((each) => each.model === model));

export const canVote = (exchange: Exchange): boolean =>
  isHidden(exchange) && exchange.answers.every((each) => each.state !== 'running' && each.state !== 'waiting');

/** The tally after a vote; `""` is a draw, which counts half for each. */
export function counted(wins: Wins, exchange: Exchange, chosen: string): Wins {
  const added = exchange.answers.map(({ model }) => {
    const { won, of } = wins[model] ?? { won: 0, of: 0 };
    const point = chosen === '' ? 0.5 : Number(model === chosen);
    return [model, { won: won + point, of: of + 1 }];
  });
  return { ...wins, ...(Object.fromEntries(added) as Wins) };
}

/** Whoever was asked, in an order that tells nothing. */
export function shuffled<T>(list: readonly T[], random = Math.random): T[] {
  const keyed = list.map((item): [number, T] => [random(), item]);
  return keyed.sort(([a], [b]) => a - b).map(([, item]) => item);
}

export const ranked = (wins: Wins): [string, Wins[string]][] =>
  Object.entries(wins).sort(([, a], [, b]) => b.won / b.of - a.won / a.of);

export const isBlind = (conversation: Conversation): boolean =>
  !!conversation.blind && new Set(conversation.models).size > 1;
