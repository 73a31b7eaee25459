import { fileURLToPath } from 'node:url'

/** The demo runs from the sources, and so does what it starts. */
export const nodeFlags: string[] = ['--import', import.meta.resolve('tsx')]

/** The file of a module beside or above this one, named without its extension. */
export const moduleFile = (name: string): string => fileURLToPath(new URL(`${name}.ts`, import.meta.url))
