import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

const FILE = 'THIRD_PARTY.txt';

/** The licences of all that went into the bundles, as one file beside them. */
export function licences(): Plugin {
  return {
    name: 'swaplab:licences',
    apply: 'build',
    generateBundle(_, bundle) {
      const folders = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        const ids = chunk.type === 'chunk' ? Object.keys(chunk.modules) : chunk.originalFileNames;
        for (const id of ids) addPackage(folders, id);
      }
      const texts = [...folders].sort().map(describe);
      this.emitFile({ type: 'asset', fileName: FILE, source: texts.join(`\n\n${'-'.repeat(78)}\n\n`) });
    },
  };
}

function addPackage(folders: Set<string>, id: string): void {
  const match = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/?]+)/.exec(id);
  if (match?.[1] && existsSync(join(match[1], 'package.json'))) folders.add(match[1]);
}

function describe(folder: string): string {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name));
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${about.license ?? dirname(folder)}`;
  return `${about.name} ${about.version} (${about.license})\n\n${text}`;
}
