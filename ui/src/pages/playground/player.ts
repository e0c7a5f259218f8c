/** Plays speech while it arrives: samples through the audio context, mp3 and aac through a media source. */
import { glued, PCM, samples, wavHead, type Shape } from './sound';

export interface Player {
  /** Takes the next bytes; what has been played so far goes on. */
  feed(bytes: Uint8Array<ArrayBuffer>): void;
  /** Nothing more comes; resolves when the last of it was played, or it was stopped. */
  finish(): Promise<void>;
  stop(): void;
  /** Seconds that were heard. */
  readonly heard: number;
}

const SOURCES: Record<string, string> = { mp3: 'audio/mpeg', aac: 'audio/aac' };

/** A player for a format; null where the browser needs all of it first. */
export function playerFor(format: string): Player | null {
  if (format === 'pcm') return new SamplePlayer(PCM);
  if (format === 'wav') return new SamplePlayer(null);
  const type = SOURCES[format];
  return type && 'MediaSource' in window && MediaSource.isTypeSupported(type) ? new SourcePlayer(type) : null;
}

/** A short silence before the first sound, so that the second piece is there in time. */
const LEAD_SECONDS = 0.15;

class SamplePlayer implements Player {
  #context = new AudioContext();
  #shape: Shape | null;
  #rest: Uint8Array = new Uint8Array();
  #began = 0;
  #next = 0;
  #over: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(shape: Shape | null) {
    this.#shape = shape;
  }
  get heard(): number {
    return this.#began ? Math.max(0, Math.min(this.#context.currentTime, this.#next) - this.#began) : 0;
  }
  feed(bytes: Uint8Array): void {
    this.#rest = glued(this.#rest, bytes);
    if (!this.#shape) {
      const head = wavHead(this.#rest);
      if (!head) return;
      this.#shape = head.shape;
      this.#rest = this.#rest.slice(head.from);
    }
    const { lists, rest } = samples(this.#rest, this.#shape);
    this.#rest = rest;
    const length = lists[0]?.length ?? 0;
    if (!length) return;
    const buffer = this.#context.createBuffer(lists.length, length, this.#shape.rate);
    lists.forEach((list, channel) => buffer.getChannelData(channel).set(list));
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    const now = this.#context.currentTime;
    if (!this.#began) this.#began = this.#next = now + LEAD_SECONDS;
    this.#next = Math.max(this.#next, now); // it came late: a pause, not two pieces at once
    source.start(this.#next);
    this.#next += buffer.duration;
  }
  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.#over = resolve;
      const left = Math.max(0, this.#next - this.#context.currentTime);
      this.#timer = setTimeout(() => this.stop(), left * 1000);
    });
  }
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#context.state !== 'closed') void this.#context.close();
    this.#over?.();
  }
}

class SourcePlayer implements Player {
  #element = new Audio();
  #source = new MediaSource();
  #buffer: SourceBuffer | null = null;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #isComplete = false;
  #over: (() => void) | null = null;

  constructor(type: string) {
    this.#element.src = URL.createObjectURL(this.#source);
    this.#source.onsourceopen = () => {
      this.#buffer = this.#source.addSourceBuffer(type);
      this.#buffer.onupdateend = () => this.#step();
      this.#step();
    };
    this.#element.onended = () => this.stop();
    this.#element.onerror = () => this.stop();
  }
  get heard(): number {
    return this.#element.currentTime;
  }
  feed(bytes: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(bytes);
    this.#step();
    if (this.#element.paused) void this.#element.play().catch(() => this.stop());
  }
  finish(): Promise<void> {
    this.#isComplete = true;
    return new Promise((resolve) => {
      this.#over = resolve;
      if (this.#element.error) resolve();
      this.#step();
    });
  }
  stop(): void {
    this.#element.pause();
    URL.revokeObjectURL(this.#element.src);
    this.#over?.();
  }
  #step(): void {
    if (!this.#buffer || this.#buffer.updating || this.#source.readyState !== 'open') return;
    const next = this.#queue.shift();
    if (next) this.#buffer.appendBuffer(next);
    else if (this.#isComplete) this.#source.endOfStream();
  }
}
