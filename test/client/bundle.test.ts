import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as client from '@cutroom/client'
import { endpoints } from '@cutroom/contract'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { FILE, source } from '../../packages/client/generate.ts'

/**
 * Of a browser bundle with all of the client, minified and gzipped; socket.io-client is another file, loaded with the first connection,
 * tus-js-client one that is loaded with the first upload, and each part of a person (notifications, activity, conversations) one that is loaded when it is first read.
 */
const MAX_KIB = 27.25
const MAX_SOCKET_KIB = 13.5
const MAX_TUS_KIB = 20
const MAX_PART_KIB = 3.5

describe('what the client carries', () => {
  it('the generated module has what the contract has; if not, run `npm run generate:client`', async () => {
    expect(await readFile(FILE, 'utf8')).toBe(source())
  })

  it('every endpoint of the contract is there, with its method and address, and whether it is public', () => {
    const carried: Record<string, unknown> = { ...client }
    for (const [noun, table] of Object.entries(endpoints))
      expect(carried[noun], noun).toEqual(
        Object.fromEntries(
          Object.entries(table).map(([name, { method, url, access }]) => [
            name,
            access === 'public' ? { method, url, access } : { method, url },
          ]),
        ),
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
    const outputOf = (path: string) => Object.entries(metafile.outputs).find(([name]) => path.endsWith(`/${name}`))?.[1]
    const [entry] = outputFiles.filter(({ path }) => path.endsWith('/index.js'))
    // with what it imports at once, which it may share with what is loaded later
    const first = outputOf(entry?.path ?? '')?.imports.filter(({ kind }) => kind === 'import-statement') ?? []
    const isClient = ({ path }: { path: string }) => path === entry?.path || first.some((each) => path.endsWith(`/${each.path}`))
    const isTus = ({ path }: { path: string }) =>
      Object.keys(outputOf(path)?.inputs ?? {}).some((input) => input.includes('node_modules/tus-js-client/'))
    const isPart = (file: { path: string }) =>
      !isClient(file) && Object.keys(outputOf(file.path)?.inputs ?? {}).every((input) => input.includes('packages/client/'))
    const sum = (files: typeof sizes) => files.reduce((total, { kib }) => total + kib, 0)
    expect(sizes.filter(isClient).some(isTus)).toBe(false)
    const client = sum(sizes.filter(isClient))
    const tus = sum(sizes.filter(isTus))
    const socket = sum(sizes.filter((file) => !isClient(file) && !isTus(file) && !isPart(file)))
    const parts = sizes.filter(isPart)
    console.log(
      `client bundle: ${client.toFixed(1)} KiB, ${socket.toFixed(1)} KiB of Socket.IO and ${tus.toFixed(1)} KiB of uploads with tus, minified and gzipped; parts: ${parts.map(({ kib }) => kib.toFixed(1))}`,
    )
    const said = await readFile(join(import.meta.dirname, '../../packages/client/README.md'), 'utf8')
    const [, ...figures] =
      /(\d+) KiB\s+minified and gzipped, (\d+) KiB of Socket\.IO [^,]+, and (\d+) KiB with the first upload/.exec(said) ?? []
    expect(figures.map(Number), 'what its README says').toEqual([client, socket, tus].map(Math.round))
    expect(parts).toHaveLength(3)
    for (const { kib } of parts) expect(kib).toBeLessThanOrEqual(MAX_PART_KIB)
    expect(tus).toBeGreaterThan(4)
    expect(tus).toBeLessThanOrEqual(MAX_TUS_KIB)
    expect(client).toBeGreaterThan(10)
    expect(client).toBeLessThanOrEqual(MAX_KIB)
    expect(socket).toBeGreaterThan(8)
    expect(socket).toBeLessThanOrEqual(MAX_SOCKET_KIB)
  })
})
