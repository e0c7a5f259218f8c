import { describe, expect, test } from 'vitest';
import { BlockRenderer, closed } from '../src/lib/md/blocks';
import { sanitise } from '../src/lib/md/sanitise';

const html = (text: string) =>
  new BlockRenderer()
    .render(text)
    .map((block) => (block.kind === 'html' ? block.html : ''))
    .join('');

const ATTACKS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[x](javascript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '<a href="jav&#x09;ascript:alert(1)">x</a>',
  '<svg onload=alert(1)><circle/></svg>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<form action="/api/config/editor"><button>Save</button></form>',
  '<p style="position:fixed;inset:0">over everything</p>',
  '<img src="https://evil.example/track.png">',
  '![track](https://evil.example/track.png)',
  '<video><source onerror=alert(1)></video>',
  '<details open ontoggle=alert(1)>x</details>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
];

test.each(ATTACKS)('%s does no harm', (attack) => {
  const box = document.createElement('div');
  box.append(document.createRange().createContextualFragment(html(attack)));
  for (const element of box.querySelectorAll('*')) {
    expect(['SCRIPT', 'IFRAME', 'FORM', 'BUTTON', 'STYLE', 'BASE', 'META', 'VIDEO', 'IMG']).not.toContain(
      element.tagName,
    );
    for (const { name, value } of element.attributes) {
      expect(name).not.toMatch(/^on|^style$/i);
      expect(value).not.toMatch(/^\s*(javascript|data:text)/i);
    }
  }
});

test('links leave by a new tab and tell nobody where from', () => {
  expect(html('[a](https://example.org)')).toContain('rel="noopener noreferrer nofollow"');
});

test('what is left of an attack is its text', () => {
  expect(sanitise('<b>x</b><script>1</script><style>*{}</style>')).toBe('<b>x</b>');
});

test('pictures of other servers are named, not fetched', () => {
  expect(html('![a cat](https://example.org/cat.png)')).toContain('>a cat</a>');
});

describe('blocks', () => {
  test('code and formulae are not HTML', () => {
    const kinds = new BlockRenderer().render('a\n\n```py\nx<1\n```\n\n$$\\frac{1}{2}$$\n').map((block) => block.kind);
    expect(kinds).toEqual(['html', 'code', 'math']);
  });
  test('money is no formula', () => {
    expect(html('It costs $5 or $6.')).not.toContain('sl-math');
    expect(html('So $x^2$ it is.')).toContain('sl-math');
  });
  test('a fence that is still open is closed', () => {
    expect(closed('```js\nlet a')).toBe('```js\nlet a\n```');
    expect(closed('```js\nlet a\n```\n')).toBe('```js\nlet a\n```\n');
  });
  test('what is complete is not rendered again', () => {
    const renderer = new BlockRenderer();
    const [first] = renderer.render('One.\n\nTwo');
    expect(renderer.render('One.\n\nTwo and more')[0]).toBe(first);
  });
});

test.each(['So: $$a + b$$ it is.', 'So: \\[a + b\\] it is.'])(
  'a formula of its own stands also inside running text: %s',
  (text) => {
    expect(html(text)).toContain('<code class="sl-math sl-display">a + b</code>');
    expect(html(text)).toContain('it is.');
  },
);
test('prices are no formulae', () => {
  expect(html('It costs $5 or $$6 or \\$7.')).not.toContain('sl-math');
});
