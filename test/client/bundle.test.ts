import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as client from '@cutroom/client'
import { endpoints } from '@cutroom/contract'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { FILE, source } from '../../packages/client/generate.ts'

/** Of a browser bundle with all of the client, minified and gzipped; socket.io-client is another file, loaded with the first connection. */
const MAX_KIB = 22
const MAX_SOCKET_KIB = 13.5

describe('what the client carries', () => {
  it('the generated module has what the contract has; if not, run `npm run generate:client`', async () => {
    expect(await readFile(FILE, 'utf8')).toBe(source())
  })

  it('every endpoint of the contract is there, with its method, address and right', () => {
    const carried: Record<string, unknown> = { ...client }
    for (const [noun, table] of Object.entries(endpoints))
      expect(carried[noun], noun).toEqual(
        Object.fromEntries(Object.entries(table).map(([name, { method, url, access }]) => [name, { method, url, access }])),
      )
  })

  it('a browser bundle has no schemas and no zod, and stays small', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(import.meta.dirname, '../../packages/client/src/index.ts')],
      outdir: 'bundle',
      bundle: true,
      splitting: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
    })
    const inputs = Object.keys(metafile.inputs)
    expect(inputs.filter((input) => input.includes('packages/contract/') || input.includes('node_modules/zod/'))).toEqual([])
    const sizes = outputFiles.map(({ path, contents }) => ({ path, kib: gzipSync(contents, { level: 9 }).length / 1024 }))
    const isClient = ({ path }: { path: string }) => path.endsWith('/index.js')
    const [client = 0] = sizes.filter(isClient).map(({ kib }) => kib)
    const socket = sizes.filter((file) => !isClient(file)).reduce((sum, { kib }) => sum + kib, 0)
    console.log(`client bundle: ${client.toFixed(1)} KiB, and ${socket.toFixed(1)} KiB of Socket.IO, minified and gzipped`)
    expect(client).toBeGreaterThan(10)
    expect(client).toBeLessThanOrEqual(MAX_KIB)
    expect(socket).toBeGreaterThan(8)
    expect(socket).toBeLessThanOrEqual(MAX_SOCKET_KIB)
  })
})
