import { fileURLToPath } from 'node:url'

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** What other processes of ours are started with: what runs us, `node` on the built files or tsx on the sources. */
export const nodeFlags: string[] = extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : []

/** The file of a module beside or above this one, named without its extension. */
export const moduleFile = (name: string): string => fileURLToPath(new URL(name + extension, import.meta.url))
