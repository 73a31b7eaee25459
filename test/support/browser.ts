import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'

/** Where Debian's package puts it. */
const PROGRAM = process.env.CUTROOM_TEST_CHROMIUM ?? '/usr/bin/chromium'

/** Tests in a real browser take a Chromium: .ci/run installs one and asks for them. */
export const isBrowserAsked = process.env.CUTROOM_TEST_BROWSER === '1'

/** Says loudly what is skipped. */
export function sayUnlessAsked(what: string): void {
  if (!isBrowserAsked)
    console.warn(`\n*** SKIPPED: ${what} runs in Chromium; CUTROOM_TEST_BROWSER=1 runs it with ${PROGRAM} ***\n`)
}

/** A Chromium for the tests of a file, for which every host name is this machine. */
export function useBrowser(): () => Browser {
  let browser: Browser | undefined
  beforeAll(async () => {
    if (!existsSync(PROGRAM)) throw new Error(`there is no ${PROGRAM}: install Chromium, or name it in CUTROOM_TEST_CHROMIUM`)
    browser = await chromium.launch({
      executablePath: PROGRAM,
      args: ['--no-sandbox', '--host-resolver-rules=MAP * 127.0.0.1'],
    })
  })
  afterAll(() => browser?.close())
  return () => {
    if (!browser) throw new Error('the browser is there only inside tests')
    return browser
  }
}
