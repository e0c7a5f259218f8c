/** Pictures: what is asked of which API, and what came. Pure, but for the requests at the end. */
import { api, fetchRaw } from '$lib/api/client';

/** An API that makes pictures; two of them begin with one. */
export type Way = 'v1/images/generations' | 'v1/images/edits' | 'sdapi/v1/txt2img' | 'sdapi/v1/img2img';
export const WAYS: readonly Way[] = [
  'v1/images/generations',
  'v1/images/edits',
  'sdapi/v1/txt2img',
  'sdapi/v1/img2img',
];
export const takesPicture = (way: Way): boolean => way === 'v1/images/edits' || way === 'sdapi/v1/img2img';
export const isDiffusion = (way: Way): boolean => way.startsWith('sdapi/');

export interface Lora {
  path: string;
  multiplier: number;
}
export interface Settings {
  way: Way;
  prompt: string;
  negative: string;
  size: string;
  count: number;
  steps: number;
  cfg: number;
  seed: number;
  sampler: string;
  scheduler: string;
  /** How far from the given picture, from 0 to 1. */
  strength: number;
  loras: Lora[];
}
export const STANDARD: Settings = {
  way: 'v1/images/generations',
  prompt: '',
  negative: '',
  size: '1024x1024',
  count: 1,
  steps: 20,
  cfg: 7,
  seed: -1,
  sampler: '',
  scheduler: '',
  strength: 0.75,
  loras: [],
};

/** What a picture was made with, as a line. */
export function aboutOf(model: string, settings: Settings): string {
  const { way, size, steps, cfg, seed, sampler, strength, prompt } = settings;
  const own = isDiffusion(way) ? [steps, cfg, seed, sampler] : [];
  const from = way === 'sdapi/v1/img2img' ? [strength] : [];
  return [model, size.replace('x', ' × '), ...own, ...from, prompt].filter((each) => each !== '').join(' · ');
}

/** The body of stable diffusion's own API; pictures as base64. */
export function diffusionBody(model: string, settings: Settings, picture = '', mask = ''): Record<string, unknown> {
  const [width, height] = settings.size.split('x').map(Number);
  const { sampler, scheduler, loras } = settings;
  return {
    model,
    prompt: settings.prompt,
    negative_prompt: settings.negative,
    width,
    height,
    batch_size: settings.count,
    steps: settings.steps,
    cfg_scale: settings.cfg,
    seed: settings.seed,
    ...(sampler ? { sampler_name: sampler } : {}),
    ...(scheduler ? { scheduler } : {}),
    ...(loras.length ? { lora: loras } : {}),
    ...(picture ? { init_images: [picture], denoising_strength: settings.strength } : {}),
    ...(mask ? { mask } : {}),
  };
}

const KINDS: readonly [RegExp, string][] = [
  [/^\x89PNG/, 'image/png'],
  [/^\xff\xd8/, 'image/jpeg'],
  [/^GIF8/, 'image/gif'],
  [/^RIFF....WEBP/s, 'image/webp'],
];

/** Base64 as a file; what it is, its first bytes say. */
export function pictureOf(base64: string): Blob {
  const text = atob(base64.replace(/^data:[^,]*,/, ''));
  const type = KINDS.find(([start]) => start.test(text))?.[1] ?? 'image/png';
  return new Blob([Uint8Array.from(text, (character) => character.charCodeAt(0))], { type });
}

export async function base64Of(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** A picture to begin with, and where it may change: for OpenAI what is clear, for stable diffusion what is white. */
export interface Source {
  picture: Blob;
  clear: Blob | null;
  white: Blob | null;
}

/** Ask a model for pictures. */
export async function make(model: string, settings: Settings, source: Source | null, signal: AbortSignal) {
  if (isDiffusion(settings.way)) {
    const given = takesPicture(settings.way) ? source : null;
    const [picture, mask] = await Promise.all(
      [given?.picture, given?.white].map((each) => (each ? base64Of(each) : '')),
    );
    const body = diffusionBody(model, settings, picture, mask);
    const answer = await api.post<{ images: string[] }>(settings.way, body, { signal });
    return answer.images.map(pictureOf);
  }
  const { prompt, count, size } = settings;
  if (!takesPicture(settings.way) || !source) {
    const body = { model, prompt, n: count, size, response_format: 'b64_json' };
    return answered(await api.post<Answer>(settings.way, body, { signal }));
  }
  const form = new FormData();
  const fields = { model, prompt, n: String(count), size, response_format: 'b64_json' };
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('image[]', source.picture, 'picture.png');
  if (source.clear) form.append('mask', source.clear, 'mask.png');
  return answered((await (await fetchRaw('POST', settings.way, form, { signal })).json()) as Answer);
}

interface Answer {
  data: { b64_json?: string; url?: string }[];
}
async function answered(answer: Answer): Promise<Blob[]> {
  return Promise.all(
    answer.data.map(async ({ b64_json, url }) => (b64_json ? pictureOf(b64_json) : (await fetch(url ?? '')).blob())),
  );
}
