import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { beforeAll, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { converse, say } from '../support/conversations.ts'
import { cutOut, filled } from '../support/documents.ts'
import { usePages } from '../support/pages.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'

/** A program of a page from one source: the example, and what mounts it. */
async function bundleSource(contents: string): Promise<Map<string, Uint8Array>> {
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
  return new Map(outputFiles.map(({ contents: bytes }) => ['/page.js', bytes]))
}

const REACT = cutOut('baasix', "import React, { useEffect, useState } from 'react';", 'Vue.js Integration')
const VUE = cutOut('baasix', "import { io } from 'socket.io-client';\nexport default {", 'Related Documentation')
const PAGE = cutOut(
  'baasix',
  "const socket = io('http://your-api-domain', {\npath: '/realtime',\nauth: { token: 'your",
  'React Integration',
)

/** How each example is mounted: of the examples themselves nothing is changed but the host and the token. */
const examples: Record<string, string> = {
  'Vanilla JavaScript': `import { io } from 'socket.io-client'\nconst handleItemUpdate = () => {}\n${PAGE}`,
  'React Integration': `${REACT}\nimport { createRoot } from 'react-dom/client'\ncreateRoot(document.getElementById('root')).render(<LiveFeed />)`,
  'Vue.js Integration': `import { createApp } from 'vue'\n${VUE.replace('export default', 'const LiveFeed =')}\ncreateApp(LiveFeed).mount('#root')`,
}

describeInBrowser('the examples of BAASIX’s document on a page of another origin', () => {
  const open = useBrowser()
  const pages = usePages()
  let app: TestApp
  beforeAll(async () => {
    app = await startApp({ env: { DIALECTS: 'baasix', CORS_ORIGINS: pages().origin } })
    return () => app.close()
  })
  const lines = (page: Page) => page.locator('li').allTextContents()

  for (const [title, source] of Object.entries(examples))
    it(`C8 “${title}” shows what is written, also after the connection was lost`, async () => {
      const { owner, editor } = await createTeam(app, 'editor')
      const { id } = await converse(owner, [editor])
      const code = filled(source, { 'http://your-api-domain': app.url, 'your-auth-token': editor.token })
      pages().serve(
        '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><ul id="messages"></ul><script src="/page.js"></script>',
        {
          files: await bundleSource(code),
          inputs: [],
        },
      )
      const { page } = await open({ origin: pages().origin })
      await page.addInitScript(`localStorage.setItem('auth_token', '${editor.token}')`)
      await page.goto(pages().origin)
      await until('the first message is shown', async () => {
        await say(owner, id, 'Hello')
        return (await lines(page)).some((line) => line.endsWith('Hello'))
      })
      for (const socket of app.app.io.of('/').sockets.values()) socket.conn.close()
      await until('a later one is shown', async () => {
        await say(owner, id, 'Again')
        return (await lines(page)).some((line) => line.endsWith('Again'))
      })
      await page.close()
      await until('the page has cleaned up', () => app.app.rooms.counts().sockets === 0)
    })
})
