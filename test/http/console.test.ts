import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startApp } from '../support/app.ts'

let folder = ''
const SCRIPT = 'index-abc.js'
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutroom-console-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(
    join(folder, 'index.html'),
    `<html><head><title>Page</title></head><script src="./assets/${SCRIPT}"></script></html>`,
  )
  await writeFile(join(folder, 'assets', SCRIPT), 'plain()')
  await writeFile(join(folder, 'assets', `${SCRIPT}.br`), brotliCompressSync('plain()'))
  await writeFile(join(folder, 'assets', `${SCRIPT}.gz`), gzipSync('plain()'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function start(env: Record<string, string> = {}, consoleFolder = folder) {
  const app = await startApp({ env, seams: { consoleFolder } })
  onTestFinished(app.close)
  return app
}

describe('the console over HTTP', () => {
  it('its addresses answer with the page, which is asked for anew each time; others stay unknown', async () => {
    const { url } = await start()
    for (const path of ['/', '/me', '/projects/1', '/projects/1/cuts/2?comment=3']) {
      const response = await fetch(url + path)
      expect(response.status, path).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(response.headers.get('cache-control')).toBe('no-cache')
      expect(await response.text()).toContain('<base href="/">')
    }
    for (const path of [
      '/api',
      '/api/nothing',
      '/projects',
      '/nothing',
      '/assets/nothing.js',
      '/assets/../index.html',
      '/index.html',
    ]) {
      const response = await fetch(url + path)
      expect(response.status, path).toBe(404)
      expect(response.headers.get('content-type'), path).toContain('application/problem+json')
    }
    expect((await fetch(`${url}/healthz`)).headers.get('content-type')).toContain('json')
  })

  it('assets may be kept for ever, and leave compressed as the browser likes it', async () => {
    const { url } = await start()
    const ask = (encoding: string) => fetch(`${url}/assets/${SCRIPT}`, { headers: { 'accept-encoding': encoding } })
    const response = await ask('identity')
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(await response.text()).toBe('plain()')
    for (const encoding of ['br', 'gzip']) {
      const compressed = await ask(encoding)
      expect(compressed.headers.get('content-encoding')).toBe(encoding)
      expect(await compressed.text()).toBe('plain()')
    }
  })

  it('its policy allows this host alone, and nothing unsafe', async () => {
    const { url } = await start()
    const policy = (await fetch(`${url}/`)).headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`default-src 'none'`)
    expect(policy).toContain(`script-src 'self'`)
    expect(policy).not.toMatch(/unsafe|data:|https:|\*/)
  })

  it('under a path, the page knows it', async () => {
    const { url } = await start({ PUBLIC_URL: 'https://example.com/studio' })
    const response = await fetch(`${url}/projects/1`)
    expect(await response.text()).toContain('<base href="/studio/">')
    expect(response.headers.get('content-security-policy')).toContain('upgrade-insecure-requests')
  })

  it('without a build it says what to do', async () => {
    const { url } = await start({}, '')
    const response = await fetch(`${url}/`)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toContain('npm run build')
    expect((await fetch(`${url}/assets/${SCRIPT}`)).status).toBe(404)
  })
})
