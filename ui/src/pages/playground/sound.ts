/** Sound as numbers: what the bytes of an answer are, and bare samples as a file that browsers play. Pure. */

export interface Shape {
  rate: number;
  channels: number;
  /** Of a sample; 8 are without sign, 16 and 32 with one. */
  bits: number;
}
/** What OpenAI's API means by `pcm`. */
export const PCM: Shape = { rate: 24_000, channels: 1, bits: 16 };

const text = (bytes: Uint8Array, from: number) => String.fromCharCode(...bytes.subarray(from, from + 4));

/** The shape of a WAV file and where its samples begin; null while too little of it is there or it is none. */
export function wavHead(bytes: Uint8Array): { shape: Shape; from: number } | null {
  if (bytes.length < 12 || text(bytes, 0) !== 'RIFF' || text(bytes, 8) !== 'WAVE') return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let shape: Shape | null = null;
  for (let at = 12; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, true)) {
    if (text(bytes, at) === 'data') return shape && { shape, from: at + 8 };
    if (text(bytes, at) === 'fmt ' && at + 24 <= bytes.length)
      shape = {
        channels: view.getUint16(at + 10, true),
        rate: view.getUint32(at + 12, true),
        bits: view.getUint16(at + 22, true),
      };
  }
  return null;
}

/** Whole frames of samples as numbers between -1 and 1, one list for each channel, and the bytes that are left over. */
export function samples(bytes: Uint8Array, { channels, bits }: Shape): { lists: Float32Array[]; rest: Uint8Array } {
  const size = bits / 8;
  const frames = Math.floor(bytes.length / (size * channels));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lists = Array.from({ length: channels }, () => new Float32Array(frames));
  for (let frame = 0; frame < frames; frame++)
    lists.forEach((list, channel) => {
      const at = (frame * channels + channel) * size;
      if (bits === 8) list[frame] = (view.getUint8(at) - 128) / 128;
      else if (bits === 16) list[frame] = view.getInt16(at, true) / 0x8000;
      else if (bits === 32) list[frame] = view.getInt32(at, true) / 0x80000000;
    });
  return { lists, rest: bytes.slice(frames * size * channels) };
}

/** Bare samples as a WAV file. */
export function wavOf(pieces: readonly Uint8Array<ArrayBuffer>[], { rate, channels, bits }: Shape): Blob {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const head = new DataView(new ArrayBuffer(44));
  const put = (at: number, word: string) => [...word].forEach((c, n) => head.setUint8(at + n, c.charCodeAt(0)));
  const frame = (channels * bits) / 8;
  put(0, 'RIFF');
  head.setUint32(4, 36 + size, true);
  put(8, 'WAVEfmt ');
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, channels, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * frame, true);
  head.setUint16(32, frame, true);
  head.setUint16(34, bits, true);
  put(36, 'data');
  head.setUint32(40, size, true);
  return new Blob([head.buffer, ...pieces], { type: 'audio/wav' });
}

export function glued(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
