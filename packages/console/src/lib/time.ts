import { texts } from '../texts.ts'

/** The reader's own way to write times, where it is of the language of the page. */
const locale = navigator.language.startsWith(texts.locale) ? navigator.language : texts.locale

const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** "3 hours ago". @param iso RFC 3339 */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size)
  return unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : texts.justNow
}

const exactly = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
export const exact = (iso: string): string => exactly.format(Date.parse(iso))
export const shortDay = (iso: string): string => day.format(Date.parse(iso))
const dayOfUtc = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' })
/** The day for which something is due: that of UTC, the same for people of all zones. A time of day counts for nothing. @param iso in UTC */
export const dueDay = (iso: string): string => dayOfUtc.format(Date.parse(iso))
/** Is the day for which it is due over where the reader is? */
export const isDayOver = (iso: string): boolean => Date.parse(`${iso.slice(0, 10)}T24:00`) <= Date.now()
export const clockTime = (ms: number): string => clock.format(ms)

const names = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' })
const namesOfYear = new Intl.DateTimeFormat(locale, { dateStyle: 'long' })
/** The day of the reader that a time is in, as a key: two times of one day have the same. */
export const dayKey = (iso: string): string => new Date(iso).toDateString()
/** "Today", "Yesterday", "Monday, March 2", and with the year where it is another one. */
export function dayName(iso: string, now = new Date()): string {
  const at = new Date(iso)
  const days = Math.round((new Date(at.toDateString()).getTime() - new Date(now.toDateString()).getTime()) / 86_400_000)
  const name =
    days === 0 || days === -1
      ? relative.format(days, 'day')
      : (at.getFullYear() === now.getFullYear() ? names : namesOfYear).format(at)
  return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1)
}

/** A position in a recording: 62000 is 1:02. */
export const mediaTime = (ms: number): string => {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** As `mediaTime`, for a field that is read again: 62250 is 1:02.250. */
export const exactMediaTime = (ms: number): string => {
  const rest = Math.round(ms % 1000)
  return mediaTime(ms) + (rest === 0 ? '' : `.${String(rest).padStart(3, '0')}`)
}

/** The position that a person wrote as 1:02 or 62, ms; null: nothing; undefined: it is none. */
export function readMediaTime(text: string): number | null | undefined {
  if (text.trim() === '') return null
  const found = /^(?:(\d{1,5}):)?(\d{1,5}(?:\.\d{1,3})?)$/.exec(text.trim())
  return found ? Math.round((Number(found[1] ?? 0) * 60 + Number(found[2])) * 1000) : undefined
}
