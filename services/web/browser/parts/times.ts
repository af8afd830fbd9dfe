const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat('en', { weekday: 'short' });
const shortDate = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const longDate = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' });
const fullDate = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric' });

const DAY = 86_400_000;

export function formatClock(time: number): string {
  return clock.format(time);
}

/** For the list: the time today, the day this week, else the date. */
export function formatShort(time: number, now = Date.now()): string {
  const days = daysBetween(time, now);
  if (days <= 0) return clock.format(time);
  return days < 7 ? weekday.format(time) : shortDate.format(time);
}

/** For the line between two days. */
export function formatDay(time: number, now = Date.now()): string {
  const days = daysBetween(time, now);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return new Date(time).getFullYear() === new Date(now).getFullYear() ? longDate.format(time) : fullDate.format(time);
}

/** For a single moment: its day and its time. */
export function formatMoment(time: number, now = Date.now()): string {
  return `${formatDay(time, now)} at ${clock.format(time)}`;
}

/** How long there is to wait, in words; rounded up, so that it is over by then. */
export function formatWait(seconds: number): string {
  if (seconds <= 90) return count(Math.ceil(seconds), 'second');
  const minutes = Math.ceil(seconds / 60);
  return minutes <= 90 ? count(minutes, 'minute') : count(Math.ceil(minutes / 60), 'hour');
}

export function isSameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function count(number: number, unit: string): string {
  return number === 1 ? `1 ${unit}` : `${number} ${unit}s`;
}

function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / DAY);
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}
