import { describe, expect, it } from 'vitest';
import { canVote, counted, isHidden, letterOf, ranked, shuffled } from '../src/pages/playground/arena';
import type { Exchange } from '../src/pages/playground/conversation';
import { base64Of, diffusionBody, pictureOf, STANDARD } from '../src/pages/playground/pictures';
import { PCM, samples, wavHead, wavOf } from '../src/pages/playground/sound';

// jsdom's blobs lack what those of all browsers have
Blob.prototype.arrayBuffer ??= function (this: Blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.readAsArrayBuffer(this);
  });
};
const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

describe('sound', () => {
  const given = new Uint8Array(new Int16Array([0, 0x4000, -0x8000]).buffer);

  it('finds its own head again, in a file that is not all there', async () => {
    const file = await bytesOf(wavOf([given], PCM));
    expect(wavHead(file.subarray(0, 43))).toBeNull();
    expect(wavHead(file.subarray(0, 44))).toEqual({ shape: PCM, from: 44 });
    expect(wavHead(given)).toBeNull();
  });
  it('is the same wherever the stream is cut', () => {
    const whole = samples(given, PCM).lists[0];
    expect([...(whole ?? [])]).toEqual([0, 0.5, -1]);
    for (let cut = 0; cut <= given.length; cut++) {
      const first = samples(given.slice(0, cut), PCM);
      const second = samples(new Uint8Array([...first.rest, ...given.slice(cut)]), PCM);
      expect([...(first.lists[0] ?? []), ...(second.lists[0] ?? [])]).toEqual([...(whole ?? [])]);
    }
  });
  it('has a list for each channel, and bytes without sign', () => {
    const { lists } = samples(new Uint8Array([128, 0, 192, 64]), { rate: 8000, channels: 2, bits: 8 });
    expect(lists.map((list) => [...list])).toEqual([
      [0, 0.5],
      [-1, -0.5],
    ]);
  });
});

describe('pictures', () => {
  it('are what their first bytes say, and the same as base64', async () => {
    const jpeg = btoa('\xff\xd8\xff rest');
    expect(pictureOf(jpeg).type).toBe('image/jpeg');
    expect(pictureOf(`data:image/png;base64,${btoa('RIFF1234WEBPVP8')}`).type).toBe('image/webp');
    expect(await base64Of(pictureOf(jpeg))).toBe(jpeg);
  });
  it('are asked for without what the model has a standard for', () => {
    expect(Object.keys(diffusionBody('m', STANDARD))).not.toContain('sampler_name');
    const body = diffusionBody('m', { ...STANDARD, sampler: 'Euler' }, 'cGlj', 'bWFzaw==');
    expect(body).toMatchObject({ sampler_name: 'Euler', init_images: ['cGlj'], mask: 'bWFzaw==', width: 1024 });
  });
});

describe('a blind comparison', () => {
  const answers = ['left', 'right'].map((model) => ({ model, steps: [], state: 'done' as const }));
  const exchange: Exchange = { id: '1', text: '', images: [], answers, blind: true };

  it('hides who answers until one is chosen', () => {
    expect([isHidden(exchange), canVote(exchange), letterOf(exchange, 'right')]).toEqual([true, true, 'B']);
    expect(canVote({ ...exchange, answers: [{ ...answers[0]!, state: 'running' }, answers[1]!] })).toBe(false);
    expect(isHidden({ ...exchange, vote: '' })).toBe(false);
    expect(isHidden({ ...exchange, blind: false })).toBe(false);
  });
  it('counts a draw half for each, and ranks by share', () => {
    const wins = counted(counted({}, exchange, 'right'), exchange, '');
    expect(ranked(wins)).toEqual([
      ['right', { won: 1.5, of: 2 }],
      ['left', { won: 0.5, of: 2 }],
    ]);
  });
  it('asks in an order that the models do not decide', () => {
    const random = [0.9, 0.1][Symbol.iterator]();
    expect(shuffled(['left', 'right'], () => random.next().value ?? 0)).toEqual(['right', 'left']);
  });
});
