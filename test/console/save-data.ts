import type { Page } from 'playwright-core'

/** The browser asks for little data: parts of the page are loaded only where they are needed. To be called before the page is opened. */
export const saveData = (page: Page) =>
  page.addInitScript(`Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) })`)
