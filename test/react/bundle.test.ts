import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createClient } from '@cutroom/client'
import { CutroomProvider, useConnection, useMe, useRoom, useSelect } from '@cutroom/react'
import { build } from 'esbuild'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { describe, expect, it, onTestFinished } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
/** Client and hooks, or composables, minified and gzipped; Socket.IO is a file of its own, loaded with the first connection. */
const MAX_KIB = 27

async function bundle(name: 'react' | 'vue', peer: string) {
  const names = ['client', name].map((part) => `@cutroom/${part}`)
  const { outputFiles, metafile } = await build({
    stdin: { contents: names.map((part) => `export * from '${part}'`).join('\n'), resolveDir: ROOT },
    absWorkingDir: ROOT,
    alias: Object.fromEntries(names.map((part) => [part, join(ROOT, 'packages', part.slice(9), 'src/index.ts')])),
    external: [peer],
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
  const [entry] = outputFiles.filter(({ path }) => path.endsWith('/stdin.js'))
  return { kib: gzipSync(entry?.contents ?? '', { level: 9 }).length / 1024, metafile }
}

describe('what the packages for frameworks carry', () => {
  it.each([
    ['react', 'react'],
    ['vue', 'vue'],
  ] as const)(`@cutroom/%s: with the client at most ${MAX_KIB} KiB, and nothing but its peers`, async (name, peer) => {
    const { kib, metafile } = await bundle(name, peer)
    console.log(`client and ${name}: ${kib.toFixed(1)} KiB, minified and gzipped`)
    expect(kib).toBeGreaterThan(15)
    expect(kib).toBeLessThanOrEqual(MAX_KIB)
    const own = Object.entries(metafile.inputs).filter(([path]) => path.startsWith(`packages/${name}/`))
    const imported = own.flatMap(([, { imports }]) => imports.filter(({ external }) => external).map(({ path }) => path))
    expect(own.length).toBeGreaterThan(5)
    expect(new Set(imported)).toEqual(new Set([peer]))
    const { dependencies, peerDependencies } = JSON.parse(await readFile(join(ROOT, 'packages', name, 'package.json'), 'utf8'))
    expect([dependencies, Object.keys(peerDependencies)]).toEqual([undefined, ['@cutroom/client', peer]])
  })
})

describe('the hooks on a server', () => {
  const Page = () => {
    const me = useMe()
    const { status } = useConnection()
    const room = useRoom('01a21d35-de05-72be-895f-be6778cf5fa7')
    const tasks = useSelect(room, (room) => room.state?.tasks.size)
    return `${me === undefined} ${status} ${room} ${tasks}`
  }

  it('draw what is not known yet, and ask for nothing', () => {
    let requests = 0
    const client = createClient({
      url: 'http://127.0.0.1:1',
      mode: 'cookie',
      fetch: () => {
        requests++
        return Promise.reject(new TypeError('nothing is asked for'))
      },
    })
    onTestFinished(() => client.close())
    expect(renderToString(createElement(CutroomProvider, { client }, createElement(Page)))).toBe('true idle null undefined')
    expect([requests, client.status]).toEqual([0, 'idle'])
  })

  it('say what is missing outside of a provider', () => {
    expect(() => renderToString(createElement(Page))).toThrow('Draw this inside of a CutroomProvider')
  })
})
