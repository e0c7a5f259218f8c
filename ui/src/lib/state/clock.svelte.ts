/** The time, once a second, for running durations; stands still while nobody looks. */
class Clock {
  now = $state(Date.now());
  constructor() {
    if (typeof window === 'undefined') return;
    const tick = () => document.visibilityState === 'visible' && (this.now = Date.now());
    setInterval(tick, 1000);
    document.addEventListener('visibilitychange', tick);
  }
}
export const clock = new Clock();
