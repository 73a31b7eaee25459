import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build } from 'vite'

const ROOT = import.meta.dirname

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
 * under any path.
 */
export async function buildConsole(outDir: string): Promise<void> {
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
    },
  })
  await compress(join(outDir, 'assets'))
}
