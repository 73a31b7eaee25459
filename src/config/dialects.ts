import { z } from 'zod'

/** Vocabularies of older clients that the server can speak. */
export const DIALECTS = ['baasix', 'photoflow', 'planner', 'bandmate'] as const
export type DialectName = (typeof DIALECTS)[number]

const known = DIALECTS.join(', ')

/** Variables that choose among them. */
export const dialectVariables = {
  DIALECTS: z
    .string()
    .default('')
    .transform((text) => [
      ...new Set(
        text
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean),
      ),
    ])
    .pipe(z.array(z.enum(DIALECTS, { error: `must be dialects, separated by commas: ${known}` }))),
  DIALECT: z.enum([...DIALECTS, 'native'], { error: `must be native or one of DIALECTS: ${known}` }).default('native'),
}

export interface DialectConfig {
  /** Those that are spoken. */
  dialects: DialectName[]
  /** Of clients that name none. */
  dialect: DialectName | 'native'
}

/** What is wrong with the variables together, by name. */
export function misfitsOfDialects({ DIALECTS: all, DIALECT: one }: { DIALECTS: string[]; DIALECT: string }): Map<string, string> {
  const isSpoken = one === 'native' || all.includes(one)
  return new Map(isSpoken ? [] : [['DIALECT', 'DIALECT names a dialect that is not in DIALECTS: add it there']])
}
