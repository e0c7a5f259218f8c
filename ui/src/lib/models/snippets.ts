/** Configurations of clients, ready to paste: where this server is and what the model is called. Pure. */

export interface Snippet {
  id: string;
  title: string;
  language: string;
  text: string;
}

/** `base` ends without a slash, e.g. `http://host:8080`; `key` is what to put where a key goes. */
export function snippets(base: string, model: string, key: string): Snippet[] {
  const quoted = JSON.stringify(model);
  const v1 = `${base}/v1`;
  return [
    {
      id: 'env',
      title: 'OpenAI env',
      language: 'sh',
      text: `export OPENAI_BASE_URL=${shellWord(v1)}\nexport OPENAI_API_KEY=${shellWord(key)}\nexport OPENAI_MODEL=${shellWord(model)}`,
    },
    { id: 'curl', title: 'curl', language: 'sh', text: curl(v1, model, key) },
    { id: 'python', title: 'Python', language: 'python', text: python(v1, quoted, key) },
    { id: 'js', title: 'JavaScript', language: 'javascript', text: javascript(v1, quoted, key) },
    { id: 'open-webui', title: 'Open WebUI', language: 'sh', text: openWebUi(v1, key) },
    { id: 'continue', title: 'Continue', language: 'yaml', text: continueYaml(v1, quoted, key) },
    { id: 'claude-code', title: 'Claude Code', language: 'sh', text: claudeCode(base, model, key) },
  ];
}

/** A text as one word of a shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

function curl(v1: string, model: string, key: string): string {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], stream: true });
  return `curl -N ${shellWord(`${v1}/chat/completions`)} \\\n  -H 'Content-Type: application/json' \\\n  -H ${shellWord(`Authorization: Bearer ${key}`)} \\\n  -d ${shellWord(body)}`;
}

function python(v1: string, model: string, key: string): string {
  return `from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(v1)}, api_key=${JSON.stringify(key)})
answer = client.chat.completions.create(
    model=${model},
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`;
}

function javascript(v1: string, model: string, key: string): string {
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: ${JSON.stringify(v1)}, apiKey: ${JSON.stringify(key)} });
const answer = await client.chat.completions.create({
  model: ${model},
  messages: [{ role: 'user', content: 'Hello' }],
});
console.log(answer.choices[0].message.content);`;
}

function openWebUi(v1: string, key: string): string {
  return `# Admin Panel, Settings, Connections, OpenAI API; or when starting it:
docker run -d -p 3000:8080 \\
  -e OPENAI_API_BASE_URL=${shellWord(v1)} \\
  -e OPENAI_API_KEY=${shellWord(key)} \\
  -v open-webui:/app/backend/data --name open-webui ghcr.io/open-webui/open-webui:main`;
}

function continueYaml(v1: string, model: string, key: string): string {
  return `# ~/.continue/config.yaml
models:
  - name: ${model}
    provider: openai
    model: ${model}
    apiBase: ${JSON.stringify(v1)}
    apiKey: ${JSON.stringify(key)}
    roles: [chat, edit, apply]`;
}

function claudeCode(base: string, model: string, key: string): string {
  return `export ANTHROPIC_BASE_URL=${shellWord(base)}
export ANTHROPIC_AUTH_TOKEN=${shellWord(key)}
export ANTHROPIC_MODEL=${shellWord(model)}
export ANTHROPIC_SMALL_FAST_MODEL=${shellWord(model)}
claude`;
}
