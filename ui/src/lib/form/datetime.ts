/** A moment as a browser's own field shows it, in the zone of the person, and as it is sent: with its zone. */

/** `2026-03-01T12:00:00.000Z` as `2026-03-01T13:00` where that is the time; "" when it is none. */
export function localTime(moment: string): string {
  const at = new Date(moment);
  if (moment === '' || Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What the field holds, as a time that means the same everywhere; "" stays. */
export function moment(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? '' : at.toISOString();
}
