import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { converse, say } from '../support/conversations.ts'
import { deployments, useDeployment } from '../support/deployments.ts'
import { cutOut, filled } from '../support/documents.ts'
import { usePages } from '../support/pages.ts'
import { createTeam, PASSWORD, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'

/** A program of a page from one source: the example, and what mounts it. */
async function bundleSource(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'jsx' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    // The example of Vue has its template as text.
    alias: { vue: 'vue/dist/vue.esm-bundler.js' },
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
  })
  return outputFiles.map(({ text }) => text).join('')
}

const REACT = cutOut('baasix', "import React, { useEffect, useState } from 'react';", 'Vue.js Integration')
const VUE = cutOut('baasix', "import { io } from 'socket.io-client';\nexport default {", 'Related Documentation')
const PAGE = cutOut(
  'baasix',
  "const socket = io('http://your-api-domain', {\npath: '/realtime',\nauth: { token: 'your",
  'React Integration',
)

const CONNECTION = cutOut('bandmate', "import { io } from 'socket.io-client';", 'Authentication\n')
const SHOW = `socket.on('chat:message', ({ body }) => {
  const line = document.createElement('li')
  line.textContent = body
  document.getElementById('messages').append(line)
})`

/** How each example is mounted: of the examples themselves nothing is changed but the host and the token. */
const examples: Record<string, string> = {
  'Vanilla JavaScript': `import { io } from 'socket.io-client'\nconst handleItemUpdate = () => {}\n${PAGE}`,
  'React Integration': `${REACT}\nimport { createRoot } from 'react-dom/client'\ncreateRoot(document.getElementById('root')).render(<LiveFeed />)`,
  'Vue.js Integration': `import { createApp } from 'vue'\n${VUE.replace('export default', 'const LiveFeed =')}\ncreateApp(LiveFeed).mount('#root')`,
  // Of BandMate, by the cookie of a login.
  Connection: `${CONNECTION}\n${SHOW}`,
}

const bundles = new Map<string, Promise<string>>()
/** The program of an example, made once. */
function programOf(title: string): Promise<string> {
  const made = bundles.get(title) ?? bundleSource(examples[title] ?? '')
  bundles.set(title, made)
  return made
}

const HTML =
  '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><ul id="messages"></ul><script src="/page.js"></script>'

/** Logs in as a page of another origin does; the next load of the page has the cookie. */
async function logIn(page: Page, url: string, { email }: Person): Promise<void> {
  const body = JSON.stringify({ email, password: PASSWORD, delivery: 'cookie' })
  const status = await page.evaluate(
    async ([to = '', text]) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(to, { method: 'POST', headers, body: text, credentials: 'include' })).status
    },
    [`${url}/api/auth/login`, body],
  )
  expect(status).toBe(200)
  await page.reload()
}

describeInBrowser('the examples of the documents on a page of another origin', () => {
  const open = useBrowser()
  const pages = usePages()
  const lines = (page: Page) => page.locator('li').allTextContents()

  describe.each(deployments)('of $title', (deployment) => {
    const site = useDeployment(deployment, (redis) => ({
      env: { DIALECTS: 'baasix,bandmate', DIALECT: 'bandmate', CORS_ORIGINS: pages().origin, ...redis },
    }))

    for (const title of Object.keys(examples))
      it(`C8 “${title}” shows what is written, also after the connection was lost`, async () => {
        const { rest, sockets } = site()
        const { owner, editor } = await createTeam(rest, 'editor')
        const { id } = await converse(owner, [editor])
        const fill = {
          'http://your-api-domain': sockets.url,
          'http://localhost:3000': sockets.url,
          'your-auth-token': editor.token,
        }
        const code = filled(await programOf(title), fill)
        pages().serve(HTML, { files: new Map([['/page.js', Buffer.from(code)]]), inputs: [] })
        const { page, context } = await open({ origin: pages().origin })
        await page.addInitScript(`localStorage.setItem('auth_token', '${editor.token}')`)
        await page.goto(pages().origin)
        if (title === 'Connection') await logIn(page, rest.url, editor)
        const shows = async (text: string) => {
          await say(owner, id, text)
          return (await lines(page)).some((line) => line.endsWith(text))
        }
        await until('the first message is shown', () => shows('Hello'))
        for (const socket of sockets.app.io.of('/').sockets.values()) socket.conn.close()
        await until('a later one is shown', () => shows('Again'))
        await context.close()
        await until('the page has cleaned up', () => sockets.app.rooms.counts().sockets === 0)
      })
  })
})
