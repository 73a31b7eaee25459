import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build } from 'vite'

const ROOT = import.meta.dirname

/** What the first load needs and later parts share: in one chunk, which is smaller than a chunk for each combination of its readers. */
const FIRST = {
  name: 'first',
  test: /(client\/src\/(generated\/contract|problem|upload|room-typing|index)|console\/src\/(app|main|lib\/(cell|use-selected|session|router|say|lazy|loading|unsent)|texts-first|parts\/(form|icons|toasts|waiting)))\.tsx?$|preload-helper|node_modules\/preact/,
}

/** What every view of a project needs, with the texts, times and faces that it takes along: smaller in one chunk than in seven. */
const ROOM = { name: 'room', test: /console\/src\/(lib\/(room|people|writes|memo)|parts\/(face|pending|windowed))\.tsx?$/ }

/** Beside each asset, it compressed as well as can be: built once, served often. */
async function compress(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const content = await readFile(path)
    await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }))
    await writeFile(
      `${path}.br`,
      await promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
    )
  }
}

/**
 * Writes the page into `outDir`: `index.html`, and `assets` with hashed names. Addresses in it are relative, so that it works
 * under any path. It is what people get, whatever NODE_ENV this process has: by that vite takes the variants of packages for debugging.
 */
export async function buildConsole(outDir: string): Promise<void> {
  const { NODE_ENV } = process.env
  process.env.NODE_ENV = 'production'
  try {
    await buildPage(outDir)
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  }
  await compress(join(outDir, 'assets'))
}

async function buildPage(outDir: string): Promise<void> {
  await rm(outDir, { recursive: true, force: true })
  await build({
    configFile: false,
    root: ROOT,
    base: './',
    logLevel: 'warn',
    resolve: { alias: { '@cutroom/client': join(ROOT, '..', 'client', 'src', 'index.ts') } },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: { polyfill: false },
      // data: addresses are more of a policy than a page needs
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rolldownOptions: { output: { codeSplitting: { groups: [FIRST, ROOM] } } },
    },
  })
}
