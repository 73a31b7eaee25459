import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** JavaScript's own share of a job's memory, MiB; what decoders hold is outside. */
const HEAP_MIB = 128

/** The program of a job, and options of Node for it. */
export interface Program {
  entry: string
  execArgv: string[]
}

/** @param entry what build.ts made of worker.ts */
export const built = (entry: string): Program => ({ entry, execArgv: [`--max-old-space-size=${HEAP_MIB}`] })

/** From the sources, in `npm run dev`, it is TypeScript. */
export function program(): Program {
  const { url } = import.meta
  const { entry, execArgv } = built(fileURLToPath(new URL(url.endsWith('.ts') ? './worker.ts' : './media-worker.js', url)))
  if (!url.endsWith('.ts')) return { entry, execArgv }
  const loader = pathToFileURL(createRequire(url).resolve('tsx')).href
  return { entry, execArgv: [...execArgv, '--import', loader] }
}
