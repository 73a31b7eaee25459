import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe } from 'vitest'

/** Debian's Chromium without windows takes a third less of the processor than its Chromium; either will do. */
const PROGRAMS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
const PROGRAM = process.env.CHROMIUM ?? PROGRAMS.find(existsSync) ?? '/usr/bin/chromium'

/** Are the tests that need a browser asked for? They take a minute, and a Chromium. */
export const needsBrowser = (): boolean => process.env.CUTROOM_TEST_BROWSER === '1'

/** Tests in a browser: run with CUTROOM_TEST_BROWSER=1. 0 leaves them out also where nothing may be skipped. */
export function describeInBrowser(title: string, tests: () => void): void {
  const isThere = existsSync(PROGRAM)
  if (needsBrowser() && !isThere) throw new Error(`CUTROOM_TEST_BROWSER=1 needs Chromium at ${PROGRAM} (or CHROMIUM=path)`)
  const isLeftOut = process.env.CUTROOM_TEST_BROWSER === '0'
  if (!needsBrowser() && !isLeftOut && process.env.CUTROOM_TEST_REFUSE_SKIP === '1')
    throw new Error(`${title} needs a browser: set CUTROOM_TEST_BROWSER=1`)
  if (!needsBrowser()) console.warn(`\n*** SKIPPED: ${title} runs in Chromium; CUTROOM_TEST_BROWSER=1 runs it ***\n`)
  describe.skipIf(!needsBrowser())(title, tests)
}

/** What a page said that it should not have. */
export interface Watched {
  page: Page
  context: BrowserContext
  /** Errors of scripts, of the console, of the policy, and requests to other hosts. */
  errors: string[]
}

/** The browser of a test file, for which every host name is this machine. Each window has cookies of its own. */
export function useBrowser(): (options?: {
  dark?: boolean
  width?: number
  height?: number
  /** Pixels of the screen for one of the page: 2 where it is zoomed to 200 %. */
  zoom?: number
  /** The zone of the person, like `America/Los_Angeles`; default: that of the machine. */
  timezoneId?: string
  origin: string
}) => Promise<Watched> {
  let browser: Browser | undefined
  beforeAll(async () => {
    if (!needsBrowser()) return
    browser = await chromium.launch({
      executablePath: PROGRAM,
      args: [
        '--no-sandbox',
        // what is drawn is drawn by the processor here, and takes a tenth less of it without the detour
        '--disable-gpu',
        '--disable-software-rasterizer',
        '--in-process-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--no-first-run',
        '--host-resolver-rules=MAP * 127.0.0.1',
      ],
    })
  })
  afterAll(() => browser?.close())
  return async ({ dark = false, width = 1280, height = 800, zoom = 1, timezoneId, origin } = { origin: '' }) => {
    if (!browser) throw new Error('the browser is there only inside tests')
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: zoom,
      colorScheme: dark ? 'dark' : 'light',
      locale: 'en-GB',
      ...(timezoneId !== undefined && { timezoneId }),
    })
    const page = await context.newPage()
    // As long as a test of a busy machine may need; no test waits for it.
    page.setDefaultTimeout(60_000)
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
        errors.push(`to another host: ${request.url()}`)
    })
    return { page, context, errors }
  }
}
