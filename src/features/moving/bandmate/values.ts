import { createHash } from 'node:crypto'
import { isVisible } from '@cutroom/contract'
import * as z from 'zod'
import { idOf } from '../../../db/ids.ts'

/** Something that does not fit, or not whole. */
export interface Misfit {
  /** What it is, as people find it: `comment 1f3c…`. */
  what: string
  message: string
}

/** Ids that are no UUID there become one here, the same each time. */
const NAMESPACE = '5b0f6c8e-6f0e-5d43-9d5c-0f8f2c1f7a55'

/** The id of a thing, which it keeps. */
export const idFrom = (given: string): string =>
  z.uuid().safeParse(given).success ? given.toLowerCase() : idOf(NAMESPACE, `bandmate:${given}`)

/**
 * The id of a comment. Comments stand in the order of their ids, so theirs are of version 7: the moment in which a comment was written,
 * and bits that follow from the id that it had.
 */
export function commentIdFrom(given: string, at: Date): string {
  const bytes = createHash('sha256').update(`bandmate comment ${given}`).digest().subarray(0, 16)
  bytes.writeUIntBE(at.getTime(), 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Text as Postgres can keep it, of so many characters at most. */
export function textFrom(given: string, most: number): string {
  const clean = given.replaceAll('\0', '').toWellFormed()
  return clean.length > most ? clean.slice(0, most).replace(/[\ud800-\udbff]$/, '') : clean
}

/** One line with something to see in it. */
export function lineFrom(given: string, most: number, otherwise: string): string {
  const clean = textFrom(given.replace(/[\n\v\f\r\u0085\u2028\u2029]+/g, ' ').trim(), most).trim()
  return isVisible(clean) ? clean : otherwise
}

/** Largest moment of media that is kept, ms. */
const MAX_MS = 2_147_483_647

/** Seconds as milliseconds; null where they are no moment of a recording. */
export function millisecondsFrom(seconds: number | null): number | null {
  const ms = seconds === null ? Number.NaN : Math.round(seconds * 1000)
  return ms >= 0 && ms <= MAX_MS ? ms : null
}

/** The later of two moments. */
export const later = (one: Date, other: Date): Date => (one > other ? one : other)

/** Notes which texts of a thing are longer than they may be here. */
export function noteLong(
  misfits: Misfit[],
  what: string,
  texts: Record<string, readonly [text: string | null, most: number]>,
): void {
  for (const [field, [text, most]] of Object.entries(texts))
    if (text !== null && text.length > most) misfits.push({ what, message: `its ${field} is cut after ${most} characters` })
}
