import { once } from 'node:events'
import { createServer } from 'node:http'
import { basename, extname, join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const packages = ['contract', 'client', 'react', 'vue'] as const
/** The sources of the packages, not what was built of them. */
const sources = Object.fromEntries(packages.map((name) => [`@cutroom/${name}`, join(ROOT, 'packages', name, 'src/index.ts')]))
/** What Vite would be told to draw React's components by Preact. */
export const preact = { react: 'preact/compat', 'react-dom': 'preact/compat' }

const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' }

export interface Bundle {
  /** By the path below `/`. */
  files: Map<string, Uint8Array>
  /** Paths of the sources. */
  inputs: string[]
}

/** A program for browsers: the entry, and what it loads later. @param entry from the root of the repository */
export async function bundlePage(
  entry: string,
  options: { alias?: Record<string, string>; isProduction?: boolean } = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(ROOT, entry)],
    absWorkingDir: ROOT,
    outdir: 'bundle',
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    minify: options.isProduction ?? false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    alias: { ...sources, ...options.alias },
    define: {
      'process.env.NODE_ENV': options.isProduction ? '"production"' : '"development"',
      __VUE_OPTIONS_API__: 'false',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
  })
  const files = new Map(outputFiles.map(({ path, contents }) => [`/${basename(path)}`, contents] as const))
  return { files, inputs: Object.keys(metafile.inputs) }
}

/** The static files of one page, on an origin of its own. */
export interface Pages {
  /** http://127.0.0.1:port */
  origin: string
  /** What is served from now on; `/` and unknown paths are the page. */
  serve(html: string, bundle: Bundle): void
}

/** An origin for pages, for the tests of a file; known before the server starts, which must allow it. */
export function usePages(): () => Pages {
  let html = ''
  let files: Bundle['files'] = new Map()
  const server = createServer(({ url = '' }, answer) => {
    const file = files.get(url)
    answer.setHeader('content-type', `${file ? types[extname(url)] : 'text/html'}; charset=utf-8`)
    answer.end(file ?? html)
  })
  let origin = ''
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('the pages have no port')
    origin = `http://127.0.0.1:${address.port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return () => ({
    origin,
    serve(page, bundle) {
      html = page
      files = bundle.files
    },
  })
}
