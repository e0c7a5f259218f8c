// Every word of the page, in the languages of the shell.
const WORDS = {
  en: {
    running: 'Running and waiting', past: 'Earlier runs', results: 'Results', model: 'Model', recipe: 'Recipe', all: 'all',
    noResults: 'No results yet. Run a benchmark: each one is kept here with what produced it, so that the next can be compared with it.',
    cancel: 'Cancel', log: 'Log', forget: 'Forget', remove: 'Delete', left: 'about {time} left', waitsFor: 'waits for {what}',
    startsAt: 'starts at {when}', progress: 'Progress of {model}', removeAsk: 'Delete this result?', forgetAsk: 'Forget this run and its log?',
    choose: 'Compare {model} of {when}', when: 'When', tests: 'Tests', scores: 'Scores', engine: 'Engine', compareColumn: 'Compare',
    pp_throughput: 'Reading (tokens/s)', tg_throughput: 'Writing (tokens/s)', e2e_ttft: 'To first token (ms)',
    depth: 'context depth', concurrency: 'requests at once', prompt: 'prompt tokens', against: 'against', chartOf: '{metric} against {axis}',
    history: 'History', historyOf: '{metric} of {test} over time', test: 'Test', leaderboard: 'Leaderboard', noHistory: 'Choose a model that has two results of one test to see how it changed.',
    better: 'better', same: 'same', worse: 'worse', inconclusive: 'inconclusive', versus: '{b} against {a}',
    otherLaunch: 'The two were started with different commands.', change: 'Change', runner: 'Runner', details: 'What produced it',
    launch: 'Command', hardware: 'Hardware', driver: 'Driver', node: 'Node', image: 'Image', ranAs: 'Suites ran as', options: 'Options',
    failed: 'failed', exportChosen: 'Export the chosen', exportAll: 'Export all', done: 'done', error: 'failed', canceled: 'cancelled',
    scheduled: 'scheduled', queued: 'waiting', interrupted: 'interrupted', repetitions: 'Repetitions', gallery: 'No results of this model yet.',
    queueAt: '{at} of {count} models', hideLog: 'Hide the log', showLog: 'Show the log',
  },
  es: {
    running: 'En curso y en espera', past: 'Ejecuciones anteriores', results: 'Resultados', model: 'Modelo', recipe: 'Receta', all: 'todos',
    noResults: 'Todavía no hay resultados. Ejecute una prueba: cada una se guarda aquí con lo que la produjo, para poder compararla con la siguiente.',
    cancel: 'Cancelar', log: 'Registro', forget: 'Olvidar', remove: 'Borrar', left: 'faltan unos {time}', waitsFor: 'espera a {what}',
    startsAt: 'empieza a las {when}', progress: 'Progreso de {model}', removeAsk: '¿Borrar este resultado?', forgetAsk: '¿Olvidar esta ejecución y su registro?',
    choose: 'Comparar {model} del {when}', when: 'Cuándo', tests: 'Pruebas', scores: 'Puntuaciones', engine: 'Motor', compareColumn: 'Comparar',
    pp_throughput: 'Lectura (tokens/s)', tg_throughput: 'Escritura (tokens/s)', e2e_ttft: 'Hasta el primer token (ms)',
    depth: 'profundidad del contexto', concurrency: 'peticiones a la vez', prompt: 'tokens de entrada', against: 'según', chartOf: '{metric} según {axis}',
    history: 'Historia', historyOf: '{metric} de {test} en el tiempo', test: 'Prueba', leaderboard: 'Clasificación', noHistory: 'Elija un modelo con dos resultados de una misma prueba para ver cómo cambió.',
    better: 'mejor', same: 'igual', worse: 'peor', inconclusive: 'no concluyente', versus: '{b} frente a {a}',
    otherLaunch: 'Los dos se iniciaron con órdenes distintas.', change: 'Cambio', runner: 'Programa', details: 'Qué lo produjo',
    launch: 'Orden', hardware: 'Hardware', driver: 'Controlador', node: 'Nodo', image: 'Imagen', ranAs: 'Ejecutado como', options: 'Opciones',
    failed: 'fallido', exportChosen: 'Exportar los elegidos', exportAll: 'Exportar todo', done: 'terminado', error: 'fallido', canceled: 'cancelado',
    scheduled: 'programado', queued: 'en espera', interrupted: 'interrumpido', repetitions: 'Repeticiones', gallery: 'Todavía no hay resultados de este modelo.',
    queueAt: '{at} de {count} modelos', hideLog: 'Ocultar el registro', showLog: 'Mostrar el registro',
  },
};

/** `t('left', {time: '3 s'})` in the language of the pages. */
export const wordsOf = (host) => (key, given = {}) => {
  const found = host.t({ en: WORDS.en[key] ?? key, es: WORDS.es[key] ?? WORDS.en[key] ?? key });
  return found.replace(/\{(\w+)\}/g, (_, name) => String(given[name] ?? ''));
};

export const when = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });

export function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.round(whole / 60)} min` : `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

export const mean = (numbers, digits = 1) => (numbers ? `${numbers.mean.toFixed(digits)} ± ${numbers.std.toFixed(digits)}` : '');
export const percent = (value) => (value == null ? '' : `${(value * 100).toFixed(1)} %`);
