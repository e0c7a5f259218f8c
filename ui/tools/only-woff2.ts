import type { Plugin } from 'vite';

/** Style sheets of libraries name fonts in three formats; every browser that can run these pages reads woff2. */
export function onlyWoff2(): Plugin {
  return {
    name: 'swaplab:only-woff2',
    enforce: 'pre',
    transform(code, id) {
      if (!/\.css($|\?)/.test(id) || !code.includes('.woff2')) return null;
      return {
        code: code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g, ''),
        map: null,
      };
    },
  };
}
