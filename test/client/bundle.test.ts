import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as client from '@cutroom/client'
import { endpoints } from '@cutroom/contract'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { FILE, source } from '../../packages/client/generate.ts'

/** Of a browser bundle with all of the client and of socket.io-client (12.8 KiB of it), minified and gzipped. */
const MAX_KIB = 29

describe('what the client carries', () => {
  it('the generated module has what the contract has; if not, run `npm run generate:client`', async () => {
    expect(await readFile(FILE, 'utf8')).toBe(source())
  })

  it('every endpoint of the contract is there, with all fields but its schemas', () => {
    const carried: Record<string, unknown> = { ...client }
    for (const [noun, table] of Object.entries(endpoints))
      expect(carried[noun], noun).toEqual(
        Object.fromEntries(Object.entries(table).map(([name, { schema: _, ...fields }]) => [name, fields])),
      )
  })

  it('a browser bundle has no schemas and no zod, and stays small', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(import.meta.dirname, '../../packages/client/src/index.ts')],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
    })
    const inputs = Object.keys(metafile.inputs)
    expect(inputs.filter((input) => input.includes('packages/contract/') || input.includes('node_modules/zod/'))).toEqual([])
    const kib = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length / 1024
    console.log(`client bundle: ${kib.toFixed(1)} KiB, minified and gzipped`)
    expect(kib).toBeGreaterThan(15)
    expect(kib).toBeLessThanOrEqual(MAX_KIB)
  })
})
